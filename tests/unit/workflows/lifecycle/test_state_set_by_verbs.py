"""What a stage has come to is changed by the verbs of ``StageState``; nobody else sets a field."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
OWN = ROOT / "workflows/lifecycle/stage_state.py"
HOLDERS = ("state", "self._state")  # what a StageState is called, wherever one is held


def test_no_field_of_a_stage_is_set_from_outside():
    users = [
        (file, file.read_text())
        for file in sorted((ROOT / "workflows").rglob("*.py"))
        if file != OWN and "StageState" in file.read_text()
    ]
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file, text in users
        for line in set_from_outside(ast.parse(text))
    ]

    assert users
    assert found == [], "call a verb of StageState, or give it one: workflows.lifecycle.stage_state"


def test_every_stage_is_held_under_a_name_that_is_looked_for():
    for file in sorted((ROOT / "workflows").rglob("*.py")):
        assert set(names_held(ast.parse(file.read_text()))) <= set(HOLDERS), file


@pytest.mark.parametrize(
    "line",
    [
        "state.waits_for = ''",
        "self._state._fence += 1",
        "state.tries.count: int = 0",
        "state._outputs['a'] = 1",
        "a, state.waits_for = 1, ''",
        "del state._seed",
        "for state._fence in (): pass",
    ],
)
def test_each_way_to_set_one_is_seen(line):
    assert list(set_from_outside(ast.parse(line))) == [1]


def set_from_outside(module: ast.Module) -> Iterator[int]:
    """Yield the lines where a field is stored or deleted, or an item of one."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            inner: ast.expr = node
            while (
                isinstance(inner, ast.Attribute | ast.Subscript)
                and ast.unparse(inner) not in HOLDERS
            ):
                inner = inner.value
            if inner is not node and ast.unparse(inner) in HOLDERS:
                yield node.lineno


def names_held(module: ast.Module) -> Iterator[str]:
    """Yield what a StageState is called: as an argument, where one is made or handed on."""
    for node in ast.walk(module):
        if isinstance(node, ast.arg) and node.annotation:
            yield from [node.arg] if ast.unparse(node.annotation) == "StageState" else []
        elif isinstance(node, ast.Assign):
            made = node.value.func if isinstance(node.value, ast.Call) else node.value
            if ast.unparse(made) in ("StageState", *HOLDERS):
                yield from map(ast.unparse, node.targets)
