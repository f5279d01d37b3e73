"""Gates of a document: somebody can answer them, about something that is there."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from tests.unit.dsl.documents import document, found, is_error, only, problems


def gate(config: str, requires: str = "[]") -> str:
    return (
        "- {name: a, type: agent, template: default}\n"
        f"- {{name: g, type: gate, requires: {requires}, config: {config}}}"
    )


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("{approvers: [ana, bo], quorum: 3}", "DSL310"),
        ("{approvers: [ana, ana, bo], quorum: 3}", "DSL310"),
        (
            "{gate_type: consensus, members: [{stage: a, weight: 3}], quorum: 4, "
            "escalate_to: {approvers: [ana]}}",
            "DSL310",
        ),
        ("{gate_type: consensus, approvers: [ana], members: [{stage: a}], quorum: 2}", "DSL310"),
        (
            "{approvers: [ana], on_timeout: escalate, escalate_to: {approvers: [bo], quorum: 2}}",
            "DSL310",
        ),
        ("{}", "DSL311"),
        ("{approvers: [ana], on_timeout: escalate}", "DSL312"),
        ("{approvers: [ana], approves: [nowhere]}", "DSL313"),
        ("{gate_type: consensus, members: [{stage: nowhere}]}", "DSL314"),
        ("{approvers: [ana], members: [{stage: a}]}", "DSL314"),
        ("{approvers: [ana], decides: a}", "DSL620"),
        ("{gate_type: consensus, approvers: [ana], members: [{stage: a}], decides: a}", "DSL621"),
        (
            "{gate_type: consensus, members: [{stage: a}], decides: nowhere, "
            "escalate_to: {approvers: [ana]}}",
            "DSL622",
        ),
    ],
)
def test_a_gate_nobody_could_answer_is_refused(config, code):
    refusals = [each for each in problems(document(gate(config, "[a]"))) if is_error(each)]

    assert [each.code for each in refusals] == [code]


@pytest.mark.parametrize(
    "config",
    [
        '{approvers: ["group:sre"], quorum: 5}',
        "{groups: [{name: sre, quorum: 2}], quorum: 9}",
        "{approvers: [ana, bo], quorum: 2}",
        "{gate_type: consensus, members: [{stage: a}], escalate_to: {approvers: [ana]}}",
        "{gate_type: consensus, members: [{stage: a, weight: 3}], quorum: 3, "
        "escalate_to: {approvers: [ana]}}",
        "{gate_type: consensus, members: [{stage: a}], decides: a, "
        "escalate_to: {approvers: [ana]}}",
        "{approvers: [ana], on_timeout: escalate, escalate_to: {approvers: [bo]}}",
        "{approvers: [ana], approves: [a]}",
    ],
)
def test_a_gate_that_can_be_answered_is_accepted(config):
    assert found(gate(config, "[a]")) == []


def test_an_escalation_that_is_never_used_is_a_warning():
    problem = only(gate("{approvers: [ana], escalate_to: {approvers: [bo]}}", "[a]"))

    assert problem.code == "DSL312"
    assert not is_error(problem)


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("{approvers: [ana], approves: [a]}", "DSL313"),
        ("{gate_type: consensus, approvers: [ana], members: [{stage: a}]}", "DSL314"),
    ],
)
def test_a_gate_cannot_ask_about_what_may_still_run(config, code):
    (problem,) = filter(is_error, problems(document(gate(config))))

    assert problem.code == code
    assert problem.message == "stage 'a' may not have finished when this gate opens"
    assert problem.hint == "add it to requires of 'g'"


def test_only_agents_are_members():
    problem = only(
        """
        - {name: look, type: agent, template: default}
        - {name: one, type: gate, requires: [look], config: {approvers: [ana]}}
        - name: two
          type: gate
          requires: [one]
          config: {gate_type: consensus, approvers: [ana], members: [{stage: one}]}
        """
    )

    assert problem.code == "DSL314"
    assert "no agent stage" in problem.message


def test_a_gate_may_approve_a_stage_deep_inside_what_it_requires():
    stages = """
        - name: p
          type: parallel
          branches: [{name: x, stages: [{name: a, type: agent, template: default}]}]
        - name: g
          type: gate
          requires: [p]
          config: {approvers: [ana], approves: [p/x/a]}
    """

    assert found(stages) == []


WARNED = {
    "agents alone, and nobody to go to": (
        "{gate_type: consensus, members: [{stage: a}]}",
        "DSL323",
        "escalate_to",
    ),
    "an exclusion where claims are taken": (
        "{approvers: [ana], exclude: [starter], identity: [claimed]}",
        "DSL324",
        "identity: [verified]",
    ),
    "an exclusion where claims are taken too": (
        "{approvers: [ana], exclude: [author], identity: [verified, claimed]}",
        "DSL324",
        "identity: [verified]",
    ),
    "reminders after the end": (
        "{approvers: [ana], timeout: 1h, remind_every: 1h}",
        "DSL325",
        "remind sooner",
    ),
    "more reminders than there are": (
        "{approvers: [ana], timeout: 101m, remind_every: 1m}",
        "DSL325",
        "less often",
    ),
    "reminders for an escalation that is over before": (
        "{gate_type: consensus, members: [{stage: a}], remind_every: 20m, timeout: 2h, "
        "escalate_to: {approvers: [ana], timeout: 20m}}",
        "DSL325",
        "remind sooner",
    ),
    "a member twice": (
        "{gate_type: consensus, approvers: [ana], members: [{stage: a}, {stage: a}]}",
        "DSL318",
        "drop one",
    ),
    "an exclusion twice": (
        "{approvers: [ana], exclude: [starter, starter]}",
        "DSL318",
        "drop one",
    ),
    "an identity twice": (
        "{approvers: [ana], identity: [verified, verified]}",
        "DSL318",
        "drop one",
    ),
}


@pytest.mark.parametrize(("config", "code", "hint"), WARNED.values(), ids=WARNED)
def test_a_gate_that_says_less_than_it_seems_to_is_a_warning(config, code, hint):
    problem = only(gate(config, "[a]"))

    assert problem.code == code
    assert hint in problem.hint
    assert not is_error(problem)


@pytest.mark.parametrize(
    "config",
    [
        "{approvers: [ana], exclude: [starter]}",  # how voters are known: as the worker demands
        "{approvers: [ana], exclude: [starter, author], identity: [verified]}",
        "{approvers: [ana], timeout: 100m, remind_every: 1m}",
        "{approvers: [ana], timeout: 10m, remind_every: 20m, on_timeout: escalate, "
        "escalate_to: {approvers: [bo], timeout: 1h}}",
    ],
)
def test_a_gate_that_says_what_it_does_is_accepted(config):
    assert found(gate(config, "[a]")) == []


@pytest.mark.parametrize(
    ("questions", "tier", "code"),
    [
        ("{approvers: [ana], quorum: 2}", 1, "DSL310"),
        ("{}", 1, "DSL311"),
        ("{approvers: [ana], on_timeout: escalate}", 1, "DSL312"),
        ("{approvers: [ana, ana]}", 1, "DSL318"),
        ("{approvers: [ana], identity: [verified]}", 3, "DSL330"),
    ],
)
def test_who_answers_an_agent_is_checked_like_who_answers_a_gate(questions, tier, code):
    text = document(
        "- {name: a, type: agent, template: default, "
        f"config: {{tier: {tier}, questions: {questions}}}}}"
    )

    assert code in {each.code for each in problems(text)}


def test_a_stage_that_asks_nothing_has_the_digest_it_always_had():
    silent = compile_text(document("- {name: a, type: agent, template: default}"), "a").plan
    asks = compile_text(
        document(
            "- {name: a, type: agent, template: default, config: {questions: {approvers: [ana]}}}"
        ),
        "a",
    ).plan

    assert "questions" not in silent.model_dump(mode="json")["steps"][0]
    assert asks.model_dump(mode="json")["steps"][0]["questions"]["approvers"] == ["ana"]
    assert type(asks).model_validate(asks.model_dump(mode="json")) == asks
