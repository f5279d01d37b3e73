"""May a T3 stage act? Each way to act without the people who have to approve it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.plan import AgentStep, GateStep, Plan
from dsl.rules.gates.consensus import Decision, Verdict, Vote, tally
from dsl.rules.gates.gate_rules import rules_of
from dsl.rules.gates.warrant import Opened, WarrantError, refuse_warrant, resolved_inputs
from tests.unit.dsl.stages import HUMAN, agent, condition, gate, parallel
from tests.unit.rules.plans import plan_of

ENTITIES = {"ana": "e1", "bo": "e2", "cy": "e3"}
DIGEST, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
SUBJECT = {"a": {"execute.json": DIGEST}}
NOBODY: dict[str, frozenset[str] | None] = {"starter": frozenset(), "author": frozenset()}


def people(config: str) -> str:
    return f"config: {{identity: [verified], {config}}}"


def yes(name: str, decision: str = "approve", **more: Any) -> Vote:
    facts = {"person": ENTITIES[name], "proven": True, **more}
    return Vote(name, Decision(decision), **facts)


def opened(path: str = "g", *votes: Vote, **more: Any) -> Opened:
    facts = {"opening": 1, "escalated": False, "subject": SUBJECT, **more}
    return Opened(path, votes=votes or (yes("ana"),), **facts)


def refusal(plan: Plan, *approvals: Opened, path: str = "d", **more: Any) -> str | None:
    facts = {"excluded_for": NOBODY, "given": {}, **more}
    return refuse_warrant(plan, path, approvals, **facts)


PLAN = plan_of(agent("a"), gate("g", requires="a"), agent("d", "g", 3))
TWO = plan_of(gate("g", people("approvers: [ana, bo], quorum: 2")), agent("d", "g", 4))
GROUP = plan_of(gate("g", people("groups: [{name: sre, quorum: 2}]")), agent("d", "g", 3))
WITHOUT_STARTER = plan_of(
    gate("g", people("approvers: [ana, bo], exclude: [starter, author]")), agent("d", "g", 3)
)
REASONS = plan_of(gate("g", people("approvers: [ana], reason: required")), agent("d", "g", 3))
ESCALATES = plan_of(
    gate(
        "g",
        people("approvers: [ana], on_timeout: escalate, escalate_to: {approvers: [bo]}"),
    ),
    agent("d", "g", 3),
)
ARMS = plan_of(
    condition("c", f"{gate('g')}, {gate('h')}", gate("i")),
    agent("d", "c", 3),
)
IN_A_BRANCH = plan_of(parallel("p", gate("g"), agent("b")), agent("d", "p", 3))
TWO_GATES = plan_of(gate("g"), gate("h", people("approvers: [bo]"), "g"), agent("d", "h", 4))
EXCLUDED = {"starter": frozenset({"cy", "e3"}), "author": frozenset[str]()}

MAY = {
    "an approval by name": (PLAN, [opened()]),
    "two different persons": (TWO, [opened("g", yes("ana"), yes("bo"))]),
    "one at each of two gates": (TWO_GATES, [opened(), opened("h", yes("bo"))]),
    "two of a group": (
        GROUP,
        [opened("g", *(yes(n, groups=frozenset({"sre"})) for n in ("ana", "bo")))],
    ),
    "a vote with its reason": (REASONS, [opened("g", yes("ana", reason="seen"))]),
    "the escalation": (ESCALATES, [opened("g", yes("bo"), escalated=True)]),
    "one whole arm": (ARMS, [opened("c/g"), opened("c/h")]),
    "the other arm": (ARMS, [opened("c/i")]),
    "a gate in a branch": (IN_A_BRANCH, [opened("p/b0/g")]),
    "votes that do not count beside those that do": (
        PLAN,
        [opened("g", yes("cy"), yes("ana", proven=False), yes("ana"))],
    ),
}
MAY_NOT: dict[str, tuple[Plan, list[Opened], str]] = {
    "no approval": (PLAN, [], "needs the approval of 'g'"),
    "no vote": (PLAN, [Opened("g", 1, escalated=False, subject=SUBJECT, votes=())], "waiting for"),
    "a gate of another plan": (PLAN, [opened(), opened("x")], "no gate of the plan"),
    "a stage that is no gate": (PLAN, [opened("a")], "no gate of the plan"),
    "an approval twice": (PLAN, [opened(), opened(opening=2)], "approved twice"),
    "a vote nobody has proven": (PLAN, [opened("g", yes("ana", proven=False))], "not proven"),
    "somebody nobody asked": (PLAN, [opened("g", yes("bo"))], "'bo' is not an approver"),
    "a rejection": (PLAN, [opened("g", yes("ana", "reject"))], "rejected by ana"),
    "a quorum that is not reached": (TWO, [opened("g", yes("ana"))], "waiting for 1 more"),
    "one person twice": (TWO, [opened("g", yes("ana"), yes("ana"))], "has already voted"),
    "one person under two names": (
        TWO,
        [opened("g", yes("ana"), yes("bo", person="e1"))],
        "has already voted",
    ),
    "one of a group of two": (
        GROUP,
        [opened("g", yes("ana", groups=frozenset({"sre"})), yes("bo"))],
        "'bo' is not an approver",
    ),
    "one person at each of two gates": (
        plan_of(gate("g"), gate("h", requires="g"), agent("d", "h", 4)),
        [opened(), opened("h")],
        "takes 2 different persons behind it, not 1",
    ),
    "a reason that is missing": (REASONS, [opened()], "gives no reason"),
    "an escalation to nobody": (PLAN, [opened(escalated=True)], "escalates to nobody"),
    "the escalation's people before it": (ESCALATES, [opened("g", yes("bo"))], "not an approver"),
    "those asked first after it": (ESCALATES, [opened(escalated=True)], "not an approver"),
    "half an arm": (ARMS, [opened("c/g")], "needs the approval of 'c'"),
    "half of each arm": (ARMS, [opened("c/h")], "needs the approval of 'c'"),
    "only the first of two gates": (TWO_GATES, [opened()], "needs the approval of 'h'"),
    "a branch without its gate": (IN_A_BRANCH, [], "needs the approval of 'p'"),
    "a gate that stands elsewhere": (
        plan_of(gate("g"), gate("x"), agent("d", "g", 3)),
        [opened("x")],
        "needs the approval of 'g'",
    ),
    "no gate before it at all": (
        plan_of(gate("g"), agent("d", "", 3)),
        [opened()],
        "past every gate",
    ),
    "a gate that takes claims": (
        plan_of(gate("g", "config: {approvers: [ana]}"), agent("d", "g", 3)),
        [opened()],
        "past every gate",
    ),
}


@pytest.mark.parametrize(("plan", "approvals"), MAY.values(), ids=MAY)
def test_a_stage_may_act_on(plan, approvals):
    assert refusal(plan, *approvals) is None


@pytest.mark.parametrize(("plan", "approvals", "said"), MAY_NOT.values(), ids=MAY_NOT)
def test_a_stage_may_not_act_on(plan, approvals, said):
    refused = refusal(plan, *approvals)

    assert refused is not None
    assert said in refused
    assert "\n" not in refused


@pytest.mark.parametrize("path", ["a", "g", "nowhere"])
def test_there_is_no_warrant_for_what_is_no_stage_of_t3(path):
    assert "no stage" in str(refusal(PLAN, opened(), path=path))


def test_a_guard_that_approves_nothing_lets_nobody_act():
    empty = tuple(
        step.model_copy(update={"approves": ()}) if isinstance(step, GateStep) else step
        for step in PLAN.steps
    )
    refused = refusal(PLAN.model_copy(update={"steps": empty}), opened())

    assert "gate 'g' before stage 'd' approves no output" in str(refused)


# whom a gate excludes


def test_a_gate_that_excludes_others_passes():
    assert refusal(WITHOUT_STARTER, opened(), excluded_for=EXCLUDED) is None


@pytest.mark.parametrize("known", [{"e1"}, {"ana"}])
@pytest.mark.parametrize("role", ["starter", "author"])
def test_whoever_is_excluded_approves_nothing(role, known):
    refused = refusal(WITHOUT_STARTER, opened(), excluded_for={**EXCLUDED, role: frozenset(known)})

    assert "'ana' is excluded" in str(refused)


@pytest.mark.parametrize("known", [{}, {"starter": None}, {"starter": frozenset({"e3"})}])
def test_somebody_nobody_knows_cannot_be_excluded(known):
    refused = refusal(WITHOUT_STARTER, opened(), excluded_for=known)

    assert "nobody has proven to be that" in str(refused)


# what it is handed


def test_it_is_handed_what_was_approved():
    assert refusal(PLAN, opened(), given=SUBJECT) is None


GIVEN: dict[str, tuple[Plan, list[Opened], dict[str, dict[str, str]]]] = {
    "another digest": (PLAN, [opened()], {"a": {"execute.json": OTHER}}),
    "another output": (PLAN, [opened()], {"a": {"execute.json": DIGEST, "more": DIGEST}}),
    "another stage": (PLAN, [opened()], {"b": {"execute.json": DIGEST}}),
    "a stage the gate does not approve": (
        plan_of(
            agent("a"),
            gate("g", HUMAN.replace("}", ", approves: [seen]}"), requires="a, seen"),
            agent("d", "g", 3),
        ),
        [opened()],
        SUBJECT,
    ),
    "a gate that stands elsewhere": (
        plan_of(agent("a"), gate("g"), gate("x", requires="a"), agent("d", "g", 3)),
        [opened(), opened("x")],
        SUBJECT,
    ),
    "a gate that takes claims": (
        plan_of(
            agent("a"), gate("g"), gate("x", "config: {approvers: [ana]}", "a, g"),
            agent("d", "x", 3),
        ),
        [opened(), opened("x")],
        SUBJECT,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("plan", "approvals", "given"), GIVEN.values(), ids=GIVEN)
def test_it_is_not_handed_what_was_approved_by(plan, approvals, given):
    assert "has approved that" in str(refusal(plan, *approvals, given=given))


# what it is told


def told(inputs: dict[str, Any], **outputs: dict[str, Any]) -> dict[str, Any]:
    step = PLAN.steps[-1]
    assert isinstance(step, AgentStep)
    asked = step.model_copy(update={"inputs": inputs})
    return resolved_inputs(asked, {"folder": "src", "deep": {"n": 1}}, outputs)


def test_it_is_told_inputs_of_the_run_and_approved_outputs():
    inputs = {
        "path": "${{ inputs.folder }}/x",
        "plan": "${{ stages.a.output }}",
        "more": ["${{ inputs.deep.n }}", True, None],
        "was": '${{ stages["p/b0/a"].status }}',
    }

    assert told(inputs, a={"n": [1, 2]}, **{"p/b0/a": {}}) == {
        "path": "src/x",
        "plan": {"n": [1, 2]},
        "more": [1, True, None],
        "was": "completed",
    }


@pytest.mark.parametrize(
    "text", ["${{ stages.b.output }}", "${{ inputs.other }}", "${{ 1 / 0 }}", "${{ stages.a.x }}"]
)
def test_it_is_told_nothing_else(text):
    with pytest.raises(WarrantError, match="stage 'd'") as caught:
        told({"path": text}, a={"n": 1})

    assert "\n" not in str(caught.value)


# votes at random

votes = st.lists(
    st.builds(
        Vote,
        st.sampled_from([*ENTITIES, "mallory"]),
        st.sampled_from([Decision.APPROVE] * 4 + [Decision.REJECT]),
        st.sampled_from([*ENTITIES.values(), "e9"]),
        st.frozensets(st.sampled_from(["sre", "ops"])),
        st.sampled_from([True, True, True, False]),
        st.sampled_from(["", "seen"]),
    ),
    max_size=6,
)
plans = st.sampled_from([PLAN, TWO, GROUP, WITHOUT_STARTER, REASONS, ESCALATES])


@given(plans, votes, st.booleans())
@settings(deadline=None)
def test_no_votes_give_a_warrant_that_the_consensus_does_not(plan, cast, escalated):
    approval = Opened("g", 1, escalated=escalated, subject=SUBJECT, votes=tuple(cast))
    refused = refusal(plan, approval, excluded_for=EXCLUDED)
    step = next(step for step in plan.steps if isinstance(step, GateStep))
    excluded = {"cy", "e3"} if step.exclude else set[str]()
    if escalated and plan is not ESCALATES:
        assert refused is not None
        return
    rules = rules_of(step, escalated=escalated, identity=("verified",), excluded=excluded)

    passes = tally(rules, cast).verdict is Verdict.PASSED
    rejected = any(vote.decision is Decision.REJECT for vote in cast)
    assert (refused is None) == (passes and not rejected)
