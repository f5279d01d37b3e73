"""The facts of governance: what is refused from T3 on, and what is only told below."""

from __future__ import annotations

import pytest

from tests.unit.dsl.documents import document, found, is_error, only, problems
from tests.unit.dsl.stages import agent, condition, gate, parallel, seen, stages

COUNCIL = "gate_type: consensus, members: [{stage: judge}], escalate_to: {approvers: [ana]}"

# stages that may run at once share no agent


SHARING = {
    "siblings without order": stages(agent("a", more="agent: x"), agent("b", more="agent: x")),
    "two branches": stages(parallel("p", agent("a", more="agent: x"), agent("b", more="agent: x"))),
    "a branch and a sibling beside it": stages(
        parallel("p", agent("a", more="agent: x")), agent("b", more="agent: x")
    ),
    "an explicit id and a default one": stages(agent("a"), agent("b", more="agent: p.a")),
    "one that may take over": stages(agent("a", config="on_revoked: 'replace: p.b'"), agent("b")),
    "two that may take over": stages(
        agent("a", config="on_revoked: 'replace: x'"), agent("b", config="on_revoked: 'replace: x'")
    ),
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
    "one that may take over, and a stage after it": stages(
        agent("a", config="on_revoked: 'replace: p.b'"), agent("b", "a")
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
    text = seen(
        gate("g"),
        parallel(
            "p",
            f"{agent('quiet', more='agent: x')}, {gate('h', requires='quiet')}, "
            f"{agent('d', 'h', 3, 'agent: x')}",
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
    problem = only(seen(gate("g", f"config: {config}")))

    assert problem.code == "DSL503"
    assert is_error(problem)


def council(tier: int) -> str:
    return stages(
        agent("write", more="agent: x"),
        agent("judge", "write", more="agent: x"),
        gate("people", requires="write, judge"),
        gate(
            "g",
            "config: {gate_type: consensus, members: [{stage: judge}], identity: [verified], "
            "escalate_to: {approvers: [ana]}}",
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
        gate("g", f"config: {{{COUNCIL}}}", "write, judge"),
    )

    assert found(text) == []


def test_an_agent_replaced_by_itself_is_told():
    text = "- {name: a, type: agent, template: default, config: {on_revoked: 'replace: p.a'}}"
    problem = only(text)

    assert problem.code == "DSL505"
    assert is_error(problem)


def test_an_agent_that_may_take_over_does_not_judge_what_it_may_write():
    text = stages(
        agent("write", config="on_revoked: 'replace: p.judge'"),
        agent("judge", "write"),
        gate("g", f"config: {{{COUNCIL}}}", "write, judge"),
    )

    assert only(text).code == "DSL504"


def test_no_guard_is_missing_before_a_stage_that_requires_what_is_not_there():
    codes = [each.code for each in problems(document(stages(gate("g"), agent("d", "gg", 3))))]

    assert codes == ["DSL509", "DSL303"]
