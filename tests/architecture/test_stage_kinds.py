"""A kind of stage that is added is thought of wherever kinds are told apart.

The type checker finds a ``match`` that does not know it, since each ends in ``assert_never``; what
would hide it from the type checker is refused here. What was written without a type checker fails
at run time, at the first such stage.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from dsl.checks.sites import Survey
from dsl.core import StageStatus
from dsl.models import Pipeline, Stage
from dsl.plan import AnyStep, Plan, Step, children, walk
from dsl.rules.gates.guards import before, guards_of, holds, is_guarded
from dsl.rules.run.feasibility import Followers, possible
from dsl.shown.graph import describe, mermaid, outline
from dsl.templates import Templates
from workflows.run.council import heard_only

ROOT = Path(__file__).resolve().parents[2]
KINDS = {kind.__name__ for union in (Stage, AnyStep) for kind in get_args(get_args(union)[0])}
CONTAINERS = {name for name in KINDS if name.startswith(("Parallel", "Condition"))}


class Loop(Step):
    """A kind of stage, with stages inside, that nothing knows."""

    type: Literal["loop"] = "loop"
    body: tuple[Any, ...] = ()


LOOP: Any = Loop(path="again", name="again")
BEHIND: Any = Loop(path="then", name="then", requires=("again",))
PLAN = Plan.model_construct(name="p", version="1", timeout_ms=1000, steps=(LOOP, BEHIND))
DOCUMENT = Pipeline.model_construct(name="p", version="1", stages=(LOOP,))


def trees() -> Iterator[tuple[str, ast.AST]]:
    for layer in ("dsl", "workflows", "activities", "integrations", "mandate"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            text = path.read_text()
            if any(kind in text for kind in KINDS):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def of_kinds(match: ast.Match) -> bool:
    names = {ast.unparse(p.cls) for p in ast.walk(match) if isinstance(p, ast.MatchClass)}
    return bool(names & KINDS)


def test_each_match_over_kinds_ends_in_assert_never():
    matches = [
        (f"{path}:{match.lineno}", match)
        for path, tree in trees()
        for match in ast.walk(tree)
        if isinstance(match, ast.Match) and of_kinds(match)
    ]
    open_ended = []
    for place, match in matches:
        last = match.cases[-1]
        never = f"assert_never({ast.unparse(match.subject)})"
        if ast.unparse(last.pattern) != "_" or [ast.unparse(each) for each in last.body] != [never]:
            open_ended.append(place)

    assert len(matches) > 10
    assert open_ended == []


def test_what_is_inside_a_stage_is_not_told_by_isinstance():
    asked = [
        f"{path}:{call.lineno}"
        for path, tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "isinstance"
        and any(isinstance(n, ast.Name) and n.id in CONTAINERS for n in ast.walk(call.args[1]))
    ]

    assert len(CONTAINERS) == 4
    assert asked == []


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda: children(LOOP), id="children"),
        pytest.param(lambda: list(walk(PLAN.steps)), id="walk"),
        pytest.param(lambda: describe(LOOP), id="describe"),
        pytest.param(lambda: mermaid(PLAN), id="flowchart"),
        pytest.param(lambda: outline(PLAN), id="outline"),
        pytest.param(lambda: is_guarded((LOOP,)), id="is guarded"),
        pytest.param(lambda: holds((LOOP,), frozenset()), id="holds"),
        pytest.param(lambda: guards_of(PLAN, "then"), id="guards"),
        pytest.param(lambda: before(PLAN, "again/inside"), id="levels"),
        pytest.param(
            lambda: list(possible(PLAN.steps, lambda _: StageStatus.PENDING, {})), id="possible"
        ),
        pytest.param(lambda: Followers(PLAN), id="followers"),
        pytest.param(lambda: heard_only(PLAN), id="heard only"),
        pytest.param(lambda: Survey(DOCUMENT, Templates({})), id="document"),
    ],
)
def test_a_kind_that_is_not_known_is_an_error_where_it_is_met(look):
    with pytest.raises(AssertionError, match="unreachable"):
        look()
