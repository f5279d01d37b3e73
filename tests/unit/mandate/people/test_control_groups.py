"""What a person would authorise in Vault is what the plan declares, or nothing is signed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dsl.compiler import compile_text
from dsl.core import ClarifiedPlan
from dsl.plan import AgentStep, walk
from dsl.rules.health.clarification import Clarification
from dsl.steps.tools import ToolApprovalPlan, ToolRule
from integrations.vault.people.person import ControlRequest
from mandate.people.errors import RefusalError
from mandate.people.gates.control_groups import read_plan, refuse_other, refuse_undeclared
from mandate.people.gates.rows import Filed, read_rows
from tests.unit.mandate.people.test_rows import row

DOCUMENT = """
name: rollout
version: "1"
stages:
  - {name: plan, type: agent, template: default}
  - name: review
    type: gate
    requires: [plan]
    config: {approvers: [ann], identity: [verified]}
  - name: apply
    type: agent
    template: default
    requires: [review]
    agent: rollout.apply
    config: {tier: 3, secrets: {TOKEN: "kv-prod/web/db#password"}}
"""
DRAFT = ClarifiedPlan(reasons=("it wrote too much",))
COMPILED = compile_text(DOCUMENT, "p.yaml")
PLAN = COMPILED.plan
(APPLY,) = (s for s in walk(PLAN.steps) if isinstance(s, AgentStep) and s.name == "apply")
FILED = Filed(stage="apply", agent="rollout.apply", place="kv-prod/web/db", accessor="a1")


def in_vault(path: str, operation: str, entity_name: str) -> ControlRequest:
    return ControlRequest(path, operation, entity_name, approved=False, authorised_by=())


def answer() -> dict[str, Any]:
    return {"digest": COMPILED.digest, "plan": PLAN.model_dump(mode="json")}


def test_the_plan_of_the_gate_is_read():
    (at,) = read_rows([row(plan=COMPILED.digest)])

    assert read_plan(answer(), at) == PLAN


def test_another_plan_than_the_gate_is_about_is_not_signed_for():
    (at,) = read_rows([row(plan="sha256:" + "0" * 64)])

    with pytest.raises(RefusalError, match=rf"{COMPILED.digest}.*sha256:0000.*not signed"):
        read_plan(answer(), at)


def test_a_plan_without_that_gate_is_not_signed_for():
    (at,) = read_rows([row(plan=COMPILED.digest, gate="elsewhere")])

    with pytest.raises(RefusalError, match="no gate 'elsewhere'"):
        read_plan(answer(), at)


ASKS = """
name: asks
version: "1"
stages:
  - name: branches
    type: parallel
    branches:
      - {name: quiet, stages: [{name: work, type: agent, template: default}]}
      - name: asks
        stages:
          - name: work
            type: agent
            template: default
            config: {questions: {approvers: [ann]}}
      - name: errs
        stages:
          - name: work
            type: agent
            template: default
            config:
              error_budget: {errors: 1, window: 1h}
              clarifications: 2
              clarify: human
              clarifiers: {approvers: [ann]}
"""


@pytest.mark.parametrize(
    ("gate", "is_signed"),
    [
        ("branches/asks/work/question-1", True),
        ("branches/asks/work/question-20", True),
        ("branches/asks/work/question-21", False),
        ("branches/asks/work/question-0", False),
        ("branches/asks/work/clarify-1", False),
        ("branches/asks/work/review", False),
        ("branches/asks/work", False),
        ("branches/errs/work/clarify-1", True),
        ("branches/errs/work/clarify-2", True),
        ("branches/errs/work/clarify-3", False),
        ("branches/errs/work/question-1", False),
        ("branches/quiet/work/question-1", False),
        ("branches/question-1", False),
        ("work/question-1", False),
        ("question-1", False),
        ("", False),
    ],
)
def test_what_an_agent_asks_is_signed_for_where_the_plan_lets_it_ask(gate, is_signed):
    compiled = compile_text(ASKS, "p.yaml")
    given = {"digest": compiled.digest, "plan": compiled.plan.model_dump(mode="json")}
    drafted = Clarification(
        stage="work", number=1, before="sha256:p", plan=DRAFT, errors_until_ms=0
    )
    clarified = {"clarification": drafted.model_dump()} if "clarify" in gate else {}
    asked = row(plan=compiled.digest, gate=gate, question={"text": "Which?"}, **clarified)
    (at,) = read_rows([asked])
    (not_asked,) = read_rows([{**asked, "question": None}])

    if is_signed:
        assert read_plan(given, at) == compiled.plan
        at = not_asked
    with pytest.raises(RefusalError, match="has no gate"):
        read_plan(given, at)


@pytest.mark.parametrize(
    ("gate", "lacks"),
    [
        ("work/question-1", "question"),
        ("work/clarify-1", "clarification"),
        ("work/call-1", "call"),
        ("work/outcome-1", "call"),
        ("work/outcome-1", "question"),
    ],
)
def test_a_gate_that_does_not_show_what_it_is_for_is_not_signed_for(gate, lacks):
    people = {"approvers": ["ann"]}
    config = {
        "questions": people,
        "error_budget": {"errors": 1, "window": "1h"},
        "clarifications": 1,
        "clarify": "human",
        "clarifiers": people,
    }
    stage = {"name": "work", "type": "agent", "template": "default", "config": config}
    document = {"name": "asks", "version": "1", "stages": [stage]}
    written = compile_text(json.dumps(document), "p.yaml").plan
    (step,) = written.steps
    assert isinstance(step, AgentStep)
    rule = ToolRule(
        server="pay",
        tool="refund",
        policy="approve",
        approve=ToolApprovalPlan(approvers=("ann",), quorum=1, timeout_ms=1, on_timeout="reject"),
    )
    asks = written.model_copy(update={"steps": (step.model_copy(update={"tools": (rule,)}),)})
    drafted = Clarification(
        stage="work", number=1, before="sha256:p", plan=DRAFT, errors_until_ms=0
    )
    shown = {
        "question": {"text": "Which?"},
        "clarification": drafted.model_dump(),
        "call": {"server": "pay", "tool": "refund"},
    }
    whole = row(plan=asks.digest(), gate=gate, **shown)
    given = {"plan": asks.model_dump(mode="json")}
    (honest,) = read_rows([whole])
    (silent,) = read_rows([{**whole, lacks: None}])

    assert read_plan(given, honest) == asks
    with pytest.raises(RefusalError, match="has no gate"):
        read_plan(given, silent)


@pytest.mark.parametrize("given", [None, {}, {"plan": None}, {"plan": {"name": "x"}}, []])
def test_a_run_that_does_not_show_its_plan_is_not_signed_for(given):
    (at,) = read_rows([row()])

    with pytest.raises(RefusalError, match="does not show its plan"):
        read_plan(given, at)


def test_what_the_plan_declares_is_let_through():
    refuse_undeclared(APPLY, FILED, "review")
    refuse_other(in_vault("kv-prod/data/web/db", "read", "agent-rollout.apply"), FILED)


@pytest.mark.parametrize(
    "changes",
    [
        {"place": "kv-prod/web/other"},
        {"place": "kv-prod/web/db#password"},
        {"agent": "rollout.plan"},
    ],
)
def test_what_no_stage_declares_is_refused_by_name(changes):
    with pytest.raises(RefusalError, match=r"declares kv-prod/web/db for 'rollout.apply'"):
        refuse_undeclared(APPLY, FILED.model_copy(update=changes), "review")


def test_a_stage_that_does_not_stand_behind_the_gate_is_refused():
    with pytest.raises(RefusalError, match=r"'apply', which does not stand behind 'review'"):
        refuse_undeclared(None, FILED, "review")


@pytest.mark.parametrize(
    "found",
    [
        ("kv-prod/data/web/other", "read", "agent-rollout.apply"),
        ("kv-prod/metadata/web/db", "read", "agent-rollout.apply"),
        ("kv-prod/data/web/db", "update", "agent-rollout.apply"),
        ("kv-prod/data/web/db", "read", "agent-mallory"),
        ("kv-prod/data/web/db", "read", ""),
    ],
)
def test_what_vault_says_of_a_request_decides(found):
    with pytest.raises(RefusalError, match=r"expected read kv-prod/data/web/db by agent-rollout"):
        refuse_other(in_vault(*found), FILED)
