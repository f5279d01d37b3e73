"""Which gates stand before a stage, and which stages wait for a gate."""

from __future__ import annotations

import time

import pytest

from dsl.compiler import compile_text
from dsl.errors import DslError
from dsl.plan import AgentStep, walk
from dsl.rules.gates.guards import (
    acting_on,
    asked_for,
    before,
    guards_of,
    holds,
    is_guarded,
    stages_behind,
)
from tests.unit.dsl.documents import document
from tests.unit.dsl.stages import agent, condition, gate, parallel, seen
from tests.unit.rules.plans import plan_of

CLAIMED = "config: {approvers: [ana], identity: [claimed, verified]}"
COUNCIL = (
    "config: {gate_type: consensus, members: [{stage: a}], identity: [verified], "
    "escalate_to: {approvers: [ana]}}"
)
SECRET = "secrets: {KEY: kv-prod/deploy#key}"
D = agent("d", "x", 3, config=SECRET)

# stages before (the last is named x, and d requires it), guards that certainly passed, ways
CASES: dict[str, tuple[tuple[str, ...], set[str], list[set[str]]]] = {
    "a gate": ((gate("x"),), {"x"}, [{"x"}]),
    "two gates": ((gate("g"), gate("x", requires="g")), {"g", "x"}, [{"g", "x"}]),
    "a gate beside": ((gate("g"), agent("x")), set(), []),
    "a gate of claims": ((gate("x", CLAIMED),), set(), []),
    "a council of agents": ((agent("a"), gate("x", COUNCIL, "a")), set(), []),
    "branches that all complete": (
        (parallel("x", gate("g"), agent("a"), gate("h")),),
        {"x/b0/g", "x/b2/h"},
        [{"x/b0/g", "x/b2/h"}],
    ),
    "branches within branches": (
        (parallel("x", parallel("y", gate("g"))),),
        {"x/b0/y/b0/g"},
        [{"x/b0/y/b0/g"}],
    ),
    "branches of which one completes": (
        (parallel("x", gate("g"), gate("h"), config="{join: any}"),),
        set(),
        [{"x/b0/g"}, {"x/b1/h"}],
    ),
    "branches of which one has no gate": (
        (parallel("x", gate("g"), agent("a"), config="{join: any}"),),
        set(),
        [],
    ),
    "branches that go on after a failure": (
        (parallel("x", gate("g"), gate("h"), config="{on_failure: continue}"),),
        set(),
        [],
    ),
    "both arms": ((condition("x", gate("g"), gate("h")),), set(), [{"x/g"}, {"x/h"}]),
    "two gates in an arm": (
        (condition("x", f"{gate('g')}, {gate('h')}", gate("i")),),
        set(),
        [{"x/g", "x/h"}, {"x/i"}],
    ),
    "one arm": ((condition("x", gate("g"), agent("a")),), set(), []),
    "the only arm": ((condition("x", gate("g")),), set(), []),
    "a gate, and an arm": (
        (gate("g"), condition("x", gate("h"), agent("a"), requires="g")),
        {"g"},
        [{"g"}],
    ),
}


def paths(steps) -> set[str]:
    return {step.path for step in steps}


@pytest.mark.parametrize(("steps", "certain", "ways"), CASES.values(), ids=CASES)
def test_what_stands_before_a_stage(steps, certain, ways):
    plan = plan_of(*steps, D)
    earlier = before(plan, "d")

    assert paths(guards_of(plan, "d")) == certain
    assert is_guarded(earlier) == bool(ways)
    everything = {step.path for step in walk(plan.steps)}
    assert holds(earlier, everything)
    for way in ways:
        assert holds(earlier, way)
        assert not any(holds(earlier, way - {one}) for one in way)


@pytest.mark.parametrize("steps", [case[0] for case in CASES.values()], ids=CASES)
def test_the_linter_and_the_worker_are_of_one_mind(steps):
    try:
        compile_text(document(seen(*steps, D)), "p.yaml")
        refused = False
    except DslError as error:
        # Beside a gate that holds nothing back the author is told of that as well.
        refused = {problem.code for problem in error.problems} - {"DSL347"} == {"DSL501"}
        assert refused

    assert is_guarded(before(plan_of(*steps, D), "d")) is not refused


@pytest.mark.parametrize("steps", [case[0] for case in CASES.values()], ids=CASES)
def test_a_stage_waits_for_each_of_its_guards(steps):
    plan = plan_of(*steps, D)

    for guard in guards_of(plan, "d"):
        assert [step.path for step in stages_behind(plan, guard.path)] == ["d"]


def test_a_gate_before_what_encloses_a_stage_guards_it():
    plan = plan_of(gate("g"), parallel("x", D.replace("[x]", "[]"), requires="g"))

    assert paths(guards_of(plan, "x/b0/d")) == {"g"}
    assert [step.path for step in stages_behind(plan, "g")] == ["x/b0/d"]


def test_only_stages_of_t3_that_read_secrets_need_anything_of_vault():
    plan = plan_of(
        gate("x"),
        agent("a", "x", 2, config=SECRET),
        agent("b", "x", 3),
        agent("c", "x", 3, config=SECRET),
        agent("e", "c", 4, config=SECRET),
        agent("f", "", 3, config=SECRET),
    )

    assert [step.path for step in stages_behind(plan, "x")] == ["c", "e"]


@pytest.mark.parametrize("inner", ["c/g", "p/b0/g"])
def test_a_gate_on_one_way_only_has_stages_behind_it_too(inner):
    plan = plan_of(
        condition("c", gate("g")),
        parallel("p", gate("g"), agent("a"), config="{join: any}"),
        agent("d", "c, p", 3, config=SECRET),
    )

    assert [step.path for step in stages_behind(plan, inner)] == ["d"]


@pytest.mark.parametrize("path", ["g", "a", "nowhere", "g/inside"])
def test_what_is_no_guard_has_nothing_behind_it(path):
    plan = plan_of(agent("a"), gate("g", CLAIMED, "a"), agent("d", "g", 3, config=SECRET))

    assert stages_behind(plan, path) == ()


def test_a_stage_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        before(plan_of(gate("g")), "nowhere")


def test_a_circle_in_a_plan_nobody_compiled_ends():
    plan = plan_of(gate("g"), agent("a", "g"), agent("d", "a", 3))
    _, guard, step, last = plan.steps
    assert isinstance(step, AgentStep)
    bent = (guard, step.model_copy(update={"requires": ("g", "d", "gone")}), last)

    assert paths(before(plan.model_copy(update={"steps": bent}), "d")) == {"g", "a"}


@pytest.mark.parametrize(
    ("steps", "asks"),
    [
        ((gate("x"),), {"x"}),
        ((gate("g"), gate("x", requires="g")), {"x"}),
        ((gate("x", requires="g"), gate("g")), {"x"}),
        ((gate("g"), gate("h"), agent("x", "g, h")), {"h"}),
        ((condition("c", gate("g")), gate("x", requires="c")), {"x"}),
        ((gate("g"), condition("x", gate("h"), gate("i"), requires="g")), {"g"}),
        ((condition("x", gate("g"), gate("h")),), {"x/g", "x/h"}),
    ],
)
def test_what_a_stage_reads_is_asked_for_at_one_gate_of_each_way(steps, asks):
    asked = asked_for(plan_of(*steps, D))

    assert {path: [step.path for step in behind] for path, behind in asked.items()} == {
        path: ["d"] for path in asks
    }


def test_votes_are_verified_again_for_every_stage_of_t3_behind_their_gate_whichever_way_it_is_on():
    e = agent("e", "d", 2)
    plan = plan_of(gate("g"), condition("x", gate("a"), gate("b", CLAIMED)), D, e)

    assert acting_on(plan) == {"x/a": {"d"}, "x/b": {"d"}}  # g stands beside


def test_many_gates_before_many_stages_are_asked_for_in_no_time():
    gates = [gate(f"g{n}") for n in range(150)]
    needs = ", ".join(f"g{n}" for n in range(150))
    stages_behind_all = [agent(f"d{n}", needs, 3, config=SECRET) for n in range(150)]
    plan = plan_of(*gates, *stages_behind_all)
    begun = time.process_time()
    asked = asked_for(plan)

    assert {path: len(steps) for path, steps in asked.items()} == {"g149": 150}
    assert time.process_time() - begun < 1.5  # a workflow task has two seconds
