"""A command that a message of ours tells somebody to type is whole: nothing it needs is left out.

Read from the source: what stands in backticks, or at the end of a message, or is a message by
itself. What is filled in is taken for a word; names in capitals stand for what a person knows.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.commands.parsed import parsed

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("mandate", "workflows", "activities", "integrations", "dsl")
HINT = re.compile(
    r"`(mandate [^`]+)`|(?::|see) (mandate [^`;\n]+)$|\A(mandate [a-z]+ [^`;:]*word[^`;:]*)\Z"
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module that are no docstring, with a word where one is filled in."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            skipped.add(id(node.body[0].value))  # type: ignore[attr-defined]  # an ast.Expr
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(each) for each in ast.walk(node)}
            yield "".join(
                str(each.value) if isinstance(each, ast.Constant) else "word"
                for each in node.values
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in skipped:
            yield re.sub(r"\{[^{}]*\}", "word", str(node.value))


def hints() -> list[str]:
    found = set()
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            source = file.read_text()
            if "mandate " not in source:  # most: their trees are not looked at
                continue
            for text in texts(ast.parse(source)):
                found |= {next(filter(None, each.groups())) for each in HINT.finditer(text)}
    return sorted(each.replace("\\\n", " ") for each in found)


def refusal_of(line: str) -> str | None:
    """Return why the command line does not take ``line``; None where it does."""
    typed, _, _ = line.partition(" > ")  # where its output goes is the shell's
    _, *words = shlex.split(typed)
    command: Any = parsed()
    try:
        context = command.make_context("mandate", words)
        while hasattr(context.command, "resolve_command"):
            rest = [*context._protected_args, *context.args]
            name, command, rest = context.command.resolve_command(context, rest)
            context = command.make_context(name, rest, parent=context)
    except Exception as refusal:  # noqa: BLE001 - of a class that is private to the library
        return str(refusal)
    return None


@pytest.mark.parametrize("line", hints())
def test_a_line_that_people_are_told_to_type_can_be_typed(line):
    assert refusal_of(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "mandate bogus",
        "mandate artifact list",
        "mandate agent rebind",
        "mandate up --word",
        "mandate keys > a",
    ],
)
def test_a_line_that_lacks_something_is_noticed(line):
    assert refusal_of(line) is not None


def test_the_hints_are_found():
    assert {"mandate up", "mandate gates", "mandate login NAME"} <= set(hints())
