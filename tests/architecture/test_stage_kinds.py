"""A kind of stage is stated in few files, and whoever does not know it asks it.

``FILES`` are all that one more kind touches. It is tried here with ``stranger``, a kind nothing
knows: checks, rules and drawings take it as they are. What runs it and what compiles it alone tell
kinds apart, by a ``match`` that ends in ``assert_never``, so that the type checker finds it. A kind
that leaves a question unanswered cannot be made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from dsl.checks.check import check
from dsl.checks.linter import lint
from dsl.checks.sites import Survey
from dsl.core import StageStatus
from dsl.document.loader import Marks
from dsl.document.shape import STAGE_MODELS
from dsl.models import AgentStage, Pipeline, Stage
from dsl.plan import AnyStep, Plan, Step, walk
from dsl.rules.gates.guards import before, guards_of, holds, is_guarded
from dsl.rules.run.feasibility import Followers, possible
from dsl.shown.graph import mermaid, outline
from dsl.stages.stage import AnyStage, LeafStage
from dsl.steps.step import LeafStep, Shape
from dsl.template_folders import shipped
from workflows.run.council import heard_only

ROOT = Path(__file__).resolve().parents[2]
KINDS = {kind.__name__ for union in (Stage, AnyStep) for kind in get_args(get_args(union)[0])}
CONTAINERS = {name for name in KINDS if name.startswith(("Parallel", "Condition"))}
TOLD_APART = ("dsl/compiler.py", "workflows/run/scheduler.py")
FILES = (
    "dsl/core.py",  # the word
    "dsl/stages/",  # a file for it in each
    "dsl/steps/",
    "dsl/models.py",  # what is a stage, what is a step
    "dsl/plan.py",
    "dsl/schemas/pipeline.schema.json",
    *TOLD_APART,
)


class Unanswering(Step):
    """A kind of step that says nothing of itself."""

    type: Literal["loop"] = "loop"


class UnansweringStage(AnyStage):
    """A kind of stage that says nothing of itself."""

    type: Literal["loop"] = "loop"


class StrangerStage(LeafStage):
    """What nobody knows, as an author would write it."""

    type: Literal["stranger"] = "stranger"


class StrangerStep(LeafStep):
    """What nobody knows, as a run would see it."""

    type: Literal["stranger"] = "stranger"

    @property
    def shape(self) -> Shape:
        return Shape.HEXAGON

    @property
    def facts(self) -> tuple[str, ...]:
        return "stranger", "5m"


WAIT: Any = StrangerStep(path="hold", name="hold")
BEHIND: Any = StrangerStep(path="then", name="then", requires=("hold",))
PLAN = Plan.model_construct(name="p", version="1", timeout_ms=1000, steps=(WAIT, BEHIND))


@cache
def trees() -> list[tuple[str, ast.AST]]:
    return list(_trees())


def _trees() -> Iterator[tuple[str, ast.AST]]:
    for layer in ("dsl", "workflows", "activities", "integrations", "mandate"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            text = path.read_text()
            if any(kind in text for kind in KINDS):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def of_kinds(match: ast.Match) -> bool:
    names = {ast.unparse(p.cls) for p in ast.walk(match) if isinstance(p, ast.MatchClass)}
    return bool(names & KINDS)


def test_two_files_tell_kinds_apart_and_the_type_checker_knows_them():
    matches = [
        (path, match)
        for path, tree in trees()
        for match in ast.walk(tree)
        if isinstance(match, ast.Match) and of_kinds(match)
    ]
    open_ended = []
    for place, match in matches:
        last = match.cases[-1]
        never = f"assert_never({ast.unparse(match.subject)})"
        if ast.unparse(last.pattern) != "_" or [ast.unparse(each) for each in last.body] != [never]:
            open_ended.append(f"{place}:{match.lineno}")

    assert sorted({path for path, _ in matches}) == sorted(TOLD_APART)
    assert open_ended == []


def test_what_is_inside_a_stage_is_not_told_by_isinstance():
    asked = [
        f"{path}:{call.lineno}"
        for path, tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "isinstance"
        and any(isinstance(n, ast.Name) and n.id in CONTAINERS for n in ast.walk(call.args[1]))
    ]

    assert len(CONTAINERS) == 4
    assert asked == []


def test_the_map_names_the_files_of_a_kind_and_how_many():
    (row,) = (
        line
        for line in (ROOT / "docs/architecture.md").read_text().splitlines()
        if line.startswith("| a stage type |")
    )

    assert [file for file in FILES if f"`{file}`" not in row] == []
    assert "eight files" in row
    assert len(FILES) == 8


@pytest.mark.parametrize("kind", [Unanswering, UnansweringStage])
def test_a_kind_that_leaves_a_question_open_cannot_be_made(kind: Any):
    with pytest.raises(TypeError, match="abstract"):
        kind(path="again", name="again")


@pytest.mark.parametrize(
    ("look", "seen"),
    [
        pytest.param(lambda: [*walk(PLAN.steps)], [WAIT, BEHIND], id="walk"),
        pytest.param(lambda: outline(PLAN)[1], "├─ hold: stranger · 5m", id="outline"),
        pytest.param(
            lambda: 'n1{{"hold<br/>stranger · 5m"}}' in mermaid(PLAN), True, id="flowchart"
        ),
        pytest.param(lambda: is_guarded((WAIT,)), False, id="is guarded"),
        pytest.param(lambda: holds((WAIT,), frozenset()), True, id="holds"),
        pytest.param(lambda: guards_of(PLAN, "then"), (), id="guards"),
        pytest.param(lambda: before(PLAN, "then"), (WAIT,), id="before"),
        pytest.param(
            lambda: [*possible(PLAN.steps, lambda _: StageStatus.PENDING, {})], [], id="possible"
        ),
        pytest.param(lambda: Followers(PLAN).of("hold"), (BEHIND,), id="followers"),
        pytest.param(lambda: heard_only(PLAN), frozenset(), id="heard only"),
    ],
)
def test_a_kind_that_nothing_knows_is_taken_as_what_it_says(look, seen):
    assert look() == seen


def test_a_document_with_a_kind_that_nothing_knows_is_checked():
    """It proves nobody's approval: what stands behind it has none."""
    agent = {"type": "agent", "name": "act", "template": "default", "requires": ["hold"]}
    stages: Any = (
        StrangerStage(name="hold", requires=("nobody",)),
        AgentStage.model_validate({**agent, "config": {"tier": "T3"}}),
    )
    document = Pipeline.model_construct(name="p", version="1", inputs={}, stages=stages)
    survey, marks = Survey(document, shipped()), Marks({}, {})

    assert {each.code for each in check(survey, marks)} == {"DSL303"}
    assert "DSL501" in {each.code for each in lint(survey, marks)}


def test_every_kind_is_one_of_a_document_and_of_a_plan():
    assert len(STAGE_MODELS) == len(KINDS) / 2
