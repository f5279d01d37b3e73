"""The facts of governance: what is refused from T3 on, and what is only told below."""

from __future__ import annotations

import pytest

from tests.unit.dsl.documents import document, found, is_error, only, problems

HUMAN = "config: {approvers: [ana], identity: [verified]}"


def agent(name: str, requires: str = "", tier: int = 0, more: str = "") -> str:
    extra = f", {more}" if more else ""
    return (
        f"{{name: {name}, type: agent, template: default, requires: [{requires}], "
        f"config: {{tier: {tier}}}{extra}}}"
    )


def gate(name: str, config: str = HUMAN, requires: str = "") -> str:
    return f"{{name: {name}, type: gate, requires: [{requires}], {config}}}"


def parallel(name: str, *branches: str, config: str = "{}", requires: str = "") -> str:
    arms = ", ".join(f"{{name: b{n}, stages: [{arm}]}}" for n, arm in enumerate(branches))
    return (
        f"{{name: {name}, type: parallel, requires: [{requires}], "
        f"branches: [{arms}], config: {config}}}"
    )


def condition(name: str, then: str, otherwise: str = "") -> str:
    arm = f", else: [{otherwise}]" if otherwise else ""
    return f"{{name: {name}, type: condition, if: 'true', then: [{then}]{arm}}}"


def stages(*each: str) -> str:
    return "\n".join(f"- {stage}" for stage in each)


# every path to a T3+ stage passes a human gate


@pytest.mark.parametrize("tier", [3, 4])
def test_a_powerful_stage_without_a_gate_is_refused(tier):
    problem = only(stages(agent("deploy", tier=tier)))

    assert problem.code == "DSL501"
    assert is_error(problem)


def test_below_t3_no_gate_is_asked_for():
    assert found(stages(agent("build", tier=2))) == []


GUARDED = {
    "a gate before it": stages(gate("g"), agent("d", "g", 3)),
    "a gate further back": stages(gate("g"), agent("a", "g"), agent("d", "a", 3)),
    "a gate before what encloses it": stages(
        gate("g"), parallel("p", agent("d", tier=3), requires="g")
    ),
    "a gate in one of the branches before it, all of which complete": stages(
        parallel("p", gate("g"), agent("a")), agent("d", "p", 3)
    ),
    "a gate in every branch, whichever completes first": stages(
        parallel("p", gate("g"), gate("h"), config="{join: any}"), agent("d", "p", 3)
    ),
    "a gate in both arms": stages(condition("c", gate("g"), gate("h")), agent("d", "c", 3)),
    "a gate of a group": stages(
        gate("g", "config: {groups: [{name: sre}], identity: [verified]}"), agent("d", "g", 3)
    ),
}
UNGUARDED = {
    "a gate that nothing waits for": stages(gate("g"), agent("d", tier=3)),
    "a gate that takes claimed identities too": stages(
        gate("g", "config: {approvers: [ana], identity: [claimed, verified]}"), agent("d", "g", 3)
    ),
    "a gate that leaves the identity to the installation": stages(
        gate("g", "config: {approvers: [ana]}"), agent("d", "g", 3)
    ),
    "a gate answered by agents alone": stages(
        agent("a"),
        gate(
            "g",
            "config: {gate_type: consensus, members: [{stage: a}], identity: [verified]}",
            "a",
        ),
        agent("d", "g", 3),
    ),
    "a gate in one of the branches, of which any may complete first": stages(
        parallel("p", gate("g"), agent("a"), config="{join: any}"), agent("d", "p", 3)
    ),
    "a gate whose rejection does not stop the others": stages(
        parallel("p", gate("g"), agent("a"), config="{on_failure: continue}"), agent("d", "p", 3)
    ),
    "a gate in one arm": stages(condition("c", gate("g"), agent("a")), agent("d", "c", 3)),
    "a gate in the only arm": stages(condition("c", gate("g")), agent("d", "c", 3)),
    "a gate in another branch": stages(parallel("p", gate("g"), agent("d", tier=3))),
}


@pytest.mark.parametrize("text", GUARDED.values(), ids=GUARDED)
def test_a_powerful_stage_is_accepted_behind(text):
    assert found(text) == []


@pytest.mark.parametrize("text", UNGUARDED.values(), ids=UNGUARDED)
def test_a_powerful_stage_is_refused_with(text):
    assert [code for code, _ in found(text)] == ["DSL501"]


def test_the_tier_of_the_template_counts_too():
    assert [code for code, _ in found("- {name: a, type: agent, template: terraform}")] == [
        "DSL319"
    ]


# stages that may run at once share no agent


SHARING = {
    "siblings without order": stages(agent("a", more="agent: x"), agent("b", more="agent: x")),
    "two branches": stages(parallel("p", agent("a", more="agent: x"), agent("b", more="agent: x"))),
    "a branch and a sibling beside it": stages(
        parallel("p", agent("a", more="agent: x")), agent("b", more="agent: x")
    ),
    "an explicit id and a default one": stages(agent("a"), agent("b", more="agent: p.a")),
}
NOT_SHARING = {
    "one after the other": stages(
        agent("a", more="agent: x"), agent("m", "a"), agent("b", "m", more="agent: x")
    ),
    "the two arms of a condition": stages(
        condition("c", agent("a", more="agent: x"), agent("b", more="agent: x"))
    ),
    "a branch, and a stage after all of them": stages(
        parallel("p", agent("a", more="agent: x")), agent("b", "p", more="agent: x")
    ),
}


@pytest.mark.parametrize("text", SHARING.values(), ids=SHARING)
def test_an_agent_at_work_twice_at_once_is_a_warning(text):
    problem = only(text)

    assert problem.code == "DSL502"
    assert not is_error(problem)


@pytest.mark.parametrize("text", NOT_SHARING.values(), ids=NOT_SHARING)
def test_an_agent_may_serve_several_stages_that_never_meet(text):
    assert found(text) == []


def test_a_shared_agent_is_an_error_when_one_of_the_stages_is_powerful():
    text = stages(
        gate("g"),
        parallel(
            "p",
            f"{agent('quiet', more='agent: x')}, {agent('d', 'quiet', 3, 'agent: x')}",
            agent("b", more="agent: x"),
            requires="g",
        ),
    )
    problem = only(text)

    assert problem.code == "DSL502"
    assert is_error(problem)


# no gate approves itself, no agent its own work


@pytest.mark.parametrize(
    "config",
    [
        "{approvers: [ana], approves: [g]}",
        "{gate_type: consensus, approvers: [ana], members: [{stage: g}]}",
    ],
)
def test_a_gate_that_approves_itself_is_refused(config):
    problem = only(stages(gate("g", f"config: {config}")))

    assert problem.code == "DSL503"
    assert is_error(problem)


def council(tier: int) -> str:
    return stages(
        agent("write", more="agent: x"),
        agent("judge", "write", more="agent: x"),
        gate("people", requires="judge"),
        gate(
            "g",
            "config: {gate_type: consensus, members: [{stage: judge}], identity: [verified]}",
            "write, judge, people",
        ),
        agent("deploy", "g", tier),
    )


@pytest.mark.parametrize(("tier", "refused"), [(2, False), (3, True)])
def test_an_agent_that_judges_its_own_work_is_told(tier, refused):
    problem = only(council(tier))

    assert problem.code == "DSL504"
    assert is_error(problem) == refused


def test_a_member_may_vote_where_only_the_work_of_others_is_approved():
    text = stages(
        agent("write"),
        agent("judge", "write"),
        gate("g", "config: {gate_type: consensus, members: [{stage: judge}]}", "write, judge"),
    )

    assert found(text) == []


def test_an_agent_replaced_by_itself_is_told():
    text = "- {name: a, type: agent, template: default, config: {on_revoked: 'replace: p.a'}}"
    problem = only(text)

    assert problem.code == "DSL505"
    assert not is_error(problem)


def test_governance_is_not_judged_while_names_are_wrong():
    codes = [each.code for each in problems(document(stages(gate("g"), agent("d", "gg", 3))))]

    assert codes == ["DSL303"]
