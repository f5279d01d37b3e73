"""What a gate approves when it opens, wherever it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compiler import compile_text
from dsl.core import StageType
from dsl.plan import GateStep, Plan, walk
from tests.unit.dsl.documents import document, is_error, only, problems
from tests.unit.dsl.stages import HUMAN, agent, condition, gate, parallel, seen, stages

READS = "stages.look.output.findings > 0"


def approved(text: str, path: str) -> list[str]:
    plan = compile_text(document(text), "p.yaml").plan
    return list(step_of(plan, path).approves)


def step_of(plan: Plan, path: str) -> GateStep:
    (step,) = (step for step in walk(plan.steps) if step.path == path)
    assert isinstance(step, GateStep)
    return step


def reading(stage: str, expression: str = READS) -> str:
    return stage.replace("if: 'true'", f"if: '{expression}'", 1)


LOOK, PLAN = agent("look"), agent("plan", "look")
FOUND = {
    "what it requires": (stages(LOOK, PLAN, gate("g", requires="plan")), "g", ["plan"]),
    "all that a parallel stage put out": (
        stages(parallel("p", LOOK, agent("cost")), gate("g", requires="p")),
        "g",
        ["p/b0/look", "p/b1/cost"],
    ),
    "what either arm put out": (
        stages(condition("c", LOOK, agent("cost")), gate("g", requires="c")),
        "g",
        ["c/look", "c/cost"],
    ),
    "what the gate before it approved": (
        stages(LOOK, gate("f", requires="look"), gate("g", requires="f")),
        "g",
        ["look"],
    ),
    "what a gate within a stage before it approved": (
        stages(LOOK, parallel("p", gate("f"), requires="look"), gate("g", requires="p")),
        "g",
        ["look"],
    ),
    "what the condition around it requires": (
        stages(LOOK, condition("c", gate("g"), requires="look")),
        "c/g",
        ["look"],
    ),
    "what the if of the condition around it reads, too": (
        stages(
            LOOK,
            PLAN,
            reading(condition("c", gate("g"), requires="plan")),
        ),
        "c/g",
        ["plan", "look"],
    ),
    "what is read of a stage with stages inside": (
        stages(
            parallel("p", LOOK),
            agent("cost", "p"),
            reading(
                condition("c", gate("g"), requires="cost"), 'stages.p.status == "completed"'
            ),
        ),
        "c/g",
        ["cost", "p/b0/look"],
    ),
    "what the parallel stage around it requires": (
        stages(LOOK, parallel("p", gate("g"), agent("a"), requires="look")),
        "p/b0/g",
        ["look"],
    ),
    "what is further out, where nearer there is nothing": (
        stages(LOOK, condition("c", parallel("p", condition("d", gate("g"))), requires="look")),
        "c/p/b0/d/g",
        ["look"],
    ),
    "what stands beside it, and not what is further out": (
        stages(
            LOOK,
            condition("c", f"{agent('fix')}, {gate('g', requires='fix')}", requires="look"),
        ),
        "c/g",
        ["c/fix"],
    ),
    "what is further out, where what it requires put out nothing": (
        stages(
            LOOK,
            condition(
                "c",
                f"{parallel('p', gate('f', HUMAN.replace('verified', 'claimed')))}, "
                f"{gate('g', requires='p')}",
                requires="look",
            ),
        ),
        "c/g",
        ["look"],
    ),
    "what it names, whatever stands before it": (
        stages(LOOK, PLAN, gate("g", HUMAN.replace("}", ", approves: [look]}"), requires="plan")),
        "g",
        ["look"],
    ),
    "all within what it names": (
        stages(
            parallel("p", LOOK, agent("cost")),
            PLAN.replace("[look]", "[p]"),
            gate("g", HUMAN.replace("}", ", approves: [p]}"), requires="plan"),
        ),
        "g",
        ["p/b0/look", "p/b1/cost"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "paths"), FOUND.values(), ids=FOUND)
def test_a_gate_approves(text, path, paths):
    assert approved(text, path) == paths


EMPTY = {
    "a gate before everything": gate("g"),
    "a gate after a gate of that kind": stages(gate("f", requires=""), gate("g", requires="f")),
    "a gate in a condition that reads inputs only": condition("c", gate("g")),
    "a gate that says so": gate("g", HUMAN.replace("}", ", approves: []}")),
}
CLAIMS = {
    "whatever the installation demands": "config: {approvers: [ana]}",
    "claims": "config: {approvers: [ana], identity: [claimed]}",
}


@pytest.mark.parametrize("text", EMPTY.values(), ids=EMPTY)
def test_a_signature_under_nothing_is_refused(text):
    refused = problems(document(text if text.startswith("-") else stages(text)))

    assert {each.code for each in refused} == {"DSL509"}
    assert all(is_error(each) for each in refused)
    assert "would bind no output" in refused[0].message
    assert "require" in refused[0].hint


@pytest.mark.parametrize("config", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_about_nothing_is_a_warning(config):
    problem = only(stages(gate("g", config)))

    assert problem.code == "DSL509"
    assert not is_error(problem)


@pytest.mark.parametrize("config", CLAIMS.values(), ids=CLAIMS)
def test_it_is_an_error_before_what_changes_production(config):
    empty = config.replace("}", ", approves: []}")
    text = seen(gate("f", empty), gate("g", requires="f, seen"), agent("d", "g", 3))
    problem = only(text)

    assert problem.code == "DSL509"
    assert is_error(problem)


@pytest.mark.parametrize("name", ["nowhere", "g", "later"])
def test_a_wrong_name_in_approves_is_one_problem(name):
    config = HUMAN.replace("}", f", approves: [{name}]}}")
    refused = problems(document(seen(gate("g", config), agent("later", "g"))))

    assert "DSL509" not in [each.code for each in refused]


def test_the_linter_and_the_plan_are_of_one_mind_about_what_stands_before_t3():
    text = seen(agent("a"), gate("f", requires="a"), gate("g", requires="f"), agent("d", "g", 3))

    assert problems(document(text)) == []
    assert approved(text, "g") == ["a"]


def test_a_thousand_gates_in_a_row_are_followed_to_the_first():
    chain = [gate(f"g{n}", requires=f"g{n - 1}" if n else "look") for n in range(999)]

    assert approved(stages(LOOK, *chain), "g998") == ["look"]


@st.composite
def bodies(draw, depth: int = 3) -> str:
    """Return a list of stages that require some of those before them."""
    made: list[tuple[str, str]] = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        before = draw(st.lists(st.sampled_from(made), unique_by=lambda each: each[0], max_size=2)) \
            if made else []  # fmt: skip
        requires = ", ".join(each[0] for each in before)
        kinds = ["agent", "gate"] + (["parallel", "condition"] if depth else [])
        match draw(st.sampled_from(kinds)):
            case "agent":
                made.append((name, agent(name, requires)))
            case "gate":
                config = "config: {approvers: [ana]}"
                made.append((name, gate(name, config, requires=requires)))
            case "parallel":
                arms = draw(st.lists(bodies(depth - 1), min_size=1, max_size=2))
                made.append((name, parallel(name, *arms, requires=requires)))
            case _:
                arm = draw(bodies(depth - 1))
                made.append((name, condition(name, arm, requires=requires)))
    return ", ".join(text for _, text in made)


@given(bodies())
def test_a_gate_approves_agents_and_is_warned_about_if_none(text):
    compiled = compile_text(document(f"[{text}]"), "p.yaml")
    kinds = {step.path: step.type for step in walk(compiled.plan.steps)}
    gates = [step for step in walk(compiled.plan.steps) if isinstance(step, GateStep)]

    assert {kinds[path] for step in gates for path in step.approves} <= {StageType.AGENT}
    assert all(len(step.approves) == len(set(step.approves)) for step in gates)
    empty = [each for each in compiled.warnings if each.code == "DSL509"]
    assert len(empty) == sum(not step.approves for step in gates)
