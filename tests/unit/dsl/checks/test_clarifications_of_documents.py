"""Clarifications of a document: of a budget that there is, by somebody who can be asked."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.plan import AgentStep
from tests.unit.dsl.documents import document, problems

BUDGET = "error_budget: {errors: 3, window: 10m}"
ONCE = f"{BUDGET}, clarifications: 1"


def stages(config: str, requires: str = "[judge]") -> str:
    return document(
        "- {name: judge, type: agent, template: default}\n"
        f"- {{name: work, type: agent, template: default, requires: {requires}, "
        f"config: {{{config}}}}}"
    )


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("clarifications: 1", "DSL345"),
        ("on_exhausted: revoke", "DSL345"),
        (f"{BUDGET}, clarify: human, clarifiers: {{approvers: [ana]}}", "DSL346"),
        (f"{ONCE}, clarify: human", "DSL346"),
        (f"{ONCE}, clarify: council", "DSL346"),
        (f"{ONCE}, clarifiers: {{approvers: [ana]}}", "DSL346"),
        (f"{ONCE}, clarify: council, clarifiers: {{approvers: [ana]}}", "DSL346"),
        (f"{ONCE}, clarify: human, clarifiers: {{approvers: [ana], quorum: 2}}", "DSL310"),
        (f"{ONCE}, clarify: human, clarifiers: {{}}", "DSL311"),
        (f"{BUDGET}, clarifications: 11", "DSL2"),
        (f"{BUDGET}, clarifications: -1", "DSL2"),
    ],
)
def test_what_nobody_could_clarify_is_refused(config: str, code: str):
    assert any(each.code.startswith(code) for each in problems(stages(config))), config


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("errors: 0, window: 10m", "errors: expected at least 1, got 0"),
        ("errors: -1, window: 10m", "errors: expected at least 1, got -1"),
        ("errors: 101, window: 10m", "errors: expected at most 100, got 101"),
        ("errors: 1, window: 0s", "window: '0s' is outside the limits of 1s to 30d"),
        ("errors: 1, window: -1h", "window: '-1h' is not a duration"),
        ("errors: 1, window: 31d", "window: '31d' is outside the limits of 1s to 30d"),
    ],
)
def test_a_budget_of_nothing_and_a_window_that_holds_nothing_are_refused(budget: str, words: str):
    said = [each.message for each in problems(stages(f"error_budget: {{{budget}}}"))]

    assert any(words in each for each in said), said


@pytest.mark.parametrize("member", ["nowhere", "work"])
def test_a_council_is_of_other_agents_that_have_worked_before(member: str):
    clarifiers = f"clarifiers: {{members: [{{stage: {member}}}], escalate_to: {{approvers: [a]}}}}"

    assert problems(stages(f"{ONCE}, clarify: council, {clarifiers}"))


def test_an_agent_is_not_asked_about_its_own_plan_under_another_stage():
    text = stages(
        f"{ONCE}, clarify: council, "
        "clarifiers: {members: [{stage: judge}], escalate_to: {approvers: [ana]}}"
    )
    same = text.replace("name: judge, type: agent,", "name: judge, type: agent, agent: one,")
    same = same.replace("name: work, type: agent,", "name: work, type: agent, agent: one,")

    assert problems(text) == []
    assert ["asked about its own plan" in each.message for each in problems(same)] == [True]


def test_a_plan_that_says_nothing_of_it_keeps_its_digest():
    plain = compile_text(stages(ONCE), "p.yaml").plan
    said = compile_text(stages(f"{ONCE}, clarify: auto, on_exhausted: fail"), "p.yaml").plan

    assert said.model_dump(mode="json") == plain.model_dump(mode="json")
    step = plain.steps[1]
    assert isinstance(step, AgentStep)
    assert not {"clarify", "clarifiers", "on_exhausted"} & step.model_dump(mode="json").keys()
