"""Gates that no plan names: which of them a run of a plan may open."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.limits import QUESTIONS_MAX, TOOL_CALLS_ASKED_MAX
from dsl.plan import AgentStep, Plan
from dsl.rules.gates.unnamed import call_name, may_be_opened, question_name
from dsl.rules.health.clarification import clarification_name
from dsl.steps.tools import ToolApprovalPlan, ToolRule

DOCUMENT = """
name: asks
version: "1"
stages:
  - name: work
    type: agent
    template: default
    config: {questions: {approvers: [ann]}}
"""
PEOPLE = ToolApprovalPlan(approvers=("ann",), quorum=1, timeout_ms=1, on_timeout="reject")
ASKED = ToolRule(server="pay", tool="refund", policy="approve", approve=PEOPLE)
ALLOWED = ToolRule(server="pay", tool="list", policy="allow")


def plan(*tools: ToolRule, asks: bool = True) -> Plan:
    compiled = compile_text(DOCUMENT, "p.yaml").plan
    (step,) = compiled.steps
    assert isinstance(step, AgentStep)
    questions = step.questions if asks else None
    changed = step.model_copy(update={"tools": tools, "questions": questions})
    return compiled.model_copy(update={"steps": (changed,)})


@pytest.mark.parametrize(
    ("of", "calls", "outcomes"),
    [
        (plan(ASKED), True, True),
        (plan(ASKED, asks=False), True, True),
        (plan(ALLOWED), False, True),  # who answers questions is asked
        (plan(ALLOWED, asks=False), False, False),
        (plan(), False, False),
    ],
)
def test_calls_are_put_to_people_where_a_rule_or_the_stage_names_some(of, calls, outcomes):
    for number in (1, TOOL_CALLS_ASKED_MAX):
        assert may_be_opened(of, f"work/{call_name('approve', number)}") is calls
        assert may_be_opened(of, f"work/{call_name('outcome', number)}") is outcomes
    assert not may_be_opened(of, f"work/{call_name('approve', TOOL_CALLS_ASKED_MAX + 1)}")


def test_a_stage_asks_so_often_and_under_no_other_name():
    asking = plan()

    assert may_be_opened(asking, f"work/{question_name(QUESTIONS_MAX)}")
    for name in (
        question_name(QUESTIONS_MAX + 1),
        question_name(0),
        clarification_name(1),
        "question-01",
        "question-\u0661",
        "question-1\n",
        "question-" + "9" * 5_000,
        "question",
        "-1",
        "",
    ):
        assert not may_be_opened(asking, f"work/{name}"), name
        assert not may_be_opened(asking, name), name
