"""What stands before a stage of T3 and above, and what may reach it."""

from __future__ import annotations

import pytest

from tests.unit.dsl.documents import found, is_error, only
from tests.unit.dsl.stages import HUMAN, agent, condition, gate, parallel, seen

# every way to a T3+ stage passes a human gate


@pytest.mark.parametrize("tier", [3, 4])
def test_a_powerful_stage_without_a_gate_is_refused(tier):
    problem = only(seen(agent("deploy", tier=tier)))

    assert problem.code == "DSL501"
    assert is_error(problem)


def test_below_t3_no_gate_is_asked_for():
    assert found(seen(agent("build", tier=2))) == []


GUARDED = {
    "a gate before it": seen(gate("g"), agent("d", "g", 3)),
    "a gate further back": seen(
        gate("g"), gate("h", "config: {approvers: [bo]}", "g"), agent("d", "h", 3)
    ),
    "a gate before what encloses it": seen(
        gate("g"), parallel("p", agent("d", tier=3), requires="g")
    ),
    "a gate in one of the branches before it, all of which complete": seen(
        parallel("p", gate("g"), agent("a")), agent("d", "p", 3)
    ),
    "a gate in every branch, whichever completes first": seen(
        parallel("p", gate("g"), gate("h"), config="{join: any}"), agent("d", "p", 3)
    ),
    "a gate in both arms": seen(condition("c", gate("g"), gate("h")), agent("d", "c", 3)),
    "a gate of a group": seen(
        gate("g", "config: {groups: [{name: sre}], identity: [verified]}"), agent("d", "g", 3)
    ),
}
UNGUARDED = {
    "a gate that nothing waits for": seen(gate("g"), agent("d", tier=3)),
    "a gate that takes claimed identities too": seen(
        gate("g", "config: {approvers: [ana], identity: [claimed, verified]}"), agent("d", "g", 3)
    ),
    "a gate that leaves the identity to the installation": seen(
        gate("g", "config: {approvers: [ana]}"), agent("d", "g", 3)
    ),
    "a gate answered by agents alone": seen(
        agent("a"),
        gate(
            "g",
            "config: {gate_type: consensus, members: [{stage: a}], identity: [verified], "
            "escalate_to: {approvers: [ana]}}",
            "a",
        ),
        agent("d", "g", 3),
    ),
    "a gate in one of the branches, of which any may complete first": seen(
        parallel("p", gate("g"), agent("a"), config="{join: any}"), agent("d", "p", 3)
    ),
    "a gate whose rejection does not stop the others": seen(
        parallel("p", gate("g"), agent("a"), config="{on_failure: continue}"), agent("d", "p", 3)
    ),
    "a gate in one arm": seen(condition("c", gate("g"), agent("a")), agent("d", "c", 3)),
    "a gate in the only arm": seen(condition("c", gate("g")), agent("d", "c", 3)),
    "a gate in another branch": seen(parallel("p", gate("g"), agent("d", tier=3))),
}


@pytest.mark.parametrize("text", GUARDED.values(), ids=GUARDED)
def test_a_powerful_stage_is_accepted_behind(text):
    assert found(text) == []


@pytest.mark.parametrize("text", UNGUARDED.values(), ids=UNGUARDED)
def test_a_powerful_stage_is_refused_with(text):
    refused = [code for code, _ in found(text) if code != "DSL347"]  # a warning, told beside it

    assert refused == ["DSL501"]


def test_the_tier_of_the_template_counts_too():
    assert [code for code, _ in found("- {name: a, type: agent, template: declared}")] == ["DSL319"]


# a T4 stage passes a gate that takes two people


def council(config: str) -> str:
    return seen(gate("g", f"config: {{{config}, identity: [verified]}}"), agent("d", "g", 4))


@pytest.mark.parametrize(
    "config",
    [
        "approvers: [ana, bo], quorum: 2",
        "groups: [{name: council, quorum: 2}]",
        "approvers: [ana, bo], quorum: 2, escalate_to: {approvers: [cy]}, on_timeout: escalate",
    ],
)
def test_two_people_may_change_governance(config):
    text = council(config.replace("{approvers: [cy]}", "{approvers: [cy, di], quorum: 2}"))

    assert found(text) == []


@pytest.mark.parametrize(
    "config",
    [
        "approvers: [ana, bo]",
        "groups: [{name: council}, {name: sre}]",
        "approvers: [ana, bo], quorum: 2, escalate_to: {approvers: [cy]}, on_timeout: escalate",
    ],
)
def test_one_person_alone_does_not(config):
    problem = only(council(config))

    assert problem.code == "DSL506"
    assert is_error(problem)


def test_two_gates_of_one_person_each_may_be_answered_by_one():
    text = seen(gate("g"), gate("h"), agent("d", "g, h", 4))

    assert [code for code, _ in found(text)] == ["DSL506"]


# what reaches the stage was approved


OF_SEEN = HUMAN.replace("}", ", approves: [seen]}")
READS_A = "inputs: {path: '${{ stages.a.output.path }}'}"
APPROVED = {
    "what the gate requires": seen(agent("a"), gate("g", requires="a"), agent("d", "g, a", 3)),
    "what the gate names": seen(
        agent("a"),
        agent("b", "a"),
        gate("g", HUMAN.replace("}", ", approves: [a]}"), requires="b"),
        agent("d", "g, a", 3),
    ),
    "what any of its gates approves": seen(
        agent("a"), gate("g", requires="a"), gate("h", requires="g"), agent("d", "h, a", 3)
    ),
    "what the gates of both arms approve": seen(
        agent("a"),
        condition(
            "c",
            gate("g", HUMAN.replace("}", ", approves: [a]}")),
            gate("h", HUMAN.replace("}", ", approves: [a]}")),
            requires="a",
        ),
        agent("d", "c, a", 3),
    ),
    "an approved output as an input": seen(
        agent("a"), gate("g", requires="a"), agent("d", "g", 3, config=READS_A)
    ),
}
HANDED_OVER = {
    "an agent after the gate": seen(gate("g"), agent("a", "g"), agent("d", "a", 3)),
    "an agent the gate does not approve": seen(
        agent("a"),
        gate("g", OF_SEEN, requires="a, seen"),
        agent("d", "g, a", 3),
    ),
    "an agent that only a gate of claims approves": seen(
        agent("a"),
        gate("g"),
        gate("h", "config: {approvers: [ana]}", requires="a"),
        agent("d", "g, h", 3),
    ),
    "an agent that the gate of one arm approves": seen(
        agent("a"),
        condition(
            "c",
            gate("g", HUMAN.replace("}", ", approves: [a]}")),
            gate("h", OF_SEEN),
            requires="a, seen",
        ),
        agent("d", "c, a", 3),
    ),
    "an agent that the gate of one branch approves, and any may come first": seen(
        agent("a"),
        parallel(
            "p",
            gate("g", HUMAN.replace("}", ", approves: [a]}")),
            gate("h", OF_SEEN),
            config="{join: any}",
            requires="a, seen",
        ),
        agent("d", "p, a", 3),
    ),
}
READ = {
    "an agent no gate approves": seen(
        agent("a"),
        gate("g", OF_SEEN, requires="a, seen"),
        agent("d", "g", 3, config=READS_A),
    ),
    "a gate": seen(
        gate("g"), agent("d", "g", 3, config="inputs: {path: '${{ stages.g.detail }}'}")
    ),
    "what nobody approves of an approved agent": seen(
        agent("a"),
        gate("g", requires="a"),
        agent("d", "g", 3, config="inputs: {path: '${{ stages.a.detail }}'}"),
    ),
}


@pytest.mark.parametrize("text", APPROVED.values(), ids=APPROVED)
def test_a_powerful_stage_may_use(text):
    assert found(text) == []


@pytest.mark.parametrize("text", HANDED_OVER.values(), ids=HANDED_OVER)
def test_a_powerful_stage_is_not_handed_the_output_of(text):
    problem = only(text)

    assert problem.code == "DSL507"
    assert is_error(problem)
    assert "approves" in problem.hint


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_a_powerful_stage_does_not_read(text):
    problem = only(text)

    assert problem.code == "DSL508"
    assert is_error(problem)


@pytest.mark.parametrize("text", [*HANDED_OVER.values(), *READ.values()])
def test_below_t3_the_walk_itself_is_enough(text):
    assert found(text.replace("tier: 3", "tier: 2")) == []
