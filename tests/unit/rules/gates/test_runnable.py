"""What compiles and is refused when started, because it would not be enforced."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.rules.gates.runnable import not_runnable

AGENT = """
name: p
version: "1"
stages:
  - {{name: a, type: agent, template: default, config: {{{}}}}}
"""
GATE = """
name: p
version: "1"
stages:
  - {{name: a, type: agent, template: default}}
  - {{name: g, type: gate, requires: [a], config: {{{}}}}}
"""


def _refused(text: str, identity: str = "claimed") -> list[str]:
    return not_runnable(compile_text(text, "p.yaml").plan, identity)


@pytest.mark.parametrize(
    "config",
    [
        "tier: 2",
        "timeout: 5m, retry: 2",
        "concurrency: 1",
        "inputs: {path: src}",
        "error_budget: {errors: 3, window: 10m}",
        "error_budget: {errors: 3, window: 10m}, clarifications: 1, on_exhausted: revoke",
        "on_revoked: skip",
        "on_revoked: 'replace: other'",
    ],
)
def test_what_is_enforced_runs(config: str):
    assert _refused(AGENT.format(config)) == []


@pytest.mark.parametrize("asks", ["questions", "clarifiers"])
def test_people_who_could_never_answer_an_agent_are_refused(asks: str):
    budget = "error_budget: {errors: 3, window: 10m}, clarifications: 1, clarify: human"
    clarified = f"{budget}, clarifiers: {{approvers: [ann]}}" if asks == "questions" else budget
    people = f"{asks}: {{approvers: ['group:sre']}}"
    [refusal] = _refused(AGENT.format(f"{clarified}, {people}"))

    assert "a claimed voter is a member of none" in refusal
    assert "'a'" in refusal
    assert asks in refusal
    assert _refused(AGENT.format(f"{clarified}, {people}"), identity="verified") == []


@pytest.mark.parametrize(
    "config",
    [
        "approvers: [ann]",
        "approvers: [ann, 'group:sre']",
        "approvers: [ann, bob], quorum: 2",
        "approvers: [ann], on_timeout: escalate, escalate_to: {approvers: [bob]}",
        "approvers: [ann], exclude: [starter], remind_every: 5m",
        "approvers: [ann], identity: [verified]",
        "groups: [{name: sre, quorum: 2}], identity: [verified]",
        "approvers: ['group:sre'], identity: [claimed, verified]",
        "gate_type: consensus, members: [{stage: a}]",
        "gate_type: consensus, members: [{stage: a}], escalate_to: {approvers: [ann]}",
    ],
)
def test_a_gate_that_somebody_can_pass_runs(config: str):
    assert _refused(GATE.format(config)) == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("approvers: ['group:sre']", "only members of groups"),
        ("approvers: [ann, 'group:sre'], quorum: 2", "only members of groups"),
        ("approvers: [ann], groups: [{name: sre}]", "only members of groups"),
        (
            "approvers: [ann], on_timeout: escalate, escalate_to: {approvers: ['group:sre']}",
            "its escalation",
        ),
        (
            "gate_type: consensus, members: [{stage: a}], escalate_to: {approvers: ['group:sre']}",
            "its escalation",
        ),
    ],
)
def test_a_gate_that_would_not_hold_or_never_open_is_refused(config: str, said: str):
    [refusal] = _refused(GATE.format(config))

    assert said in refusal
    assert "identity: [verified]" in refusal


def test_a_gate_that_does_not_say_is_what_the_worker_demands():
    group = GATE.format("approvers: ['group:sre']")

    assert _refused(group, "claimed")
    assert not _refused(group, "verified")


@pytest.mark.parametrize("tier", [3, 4])
def test_every_tier_runs(tier: int):
    document = f"""
name: p
version: "1"
stages:
  - {{name: look, type: agent, template: default}}
  - name: g
    type: gate
    requires: [look]
    config: {{approvers: [ann, bob], quorum: 2, identity: [verified]}}
  - {{name: a, type: agent, template: default, requires: [g], config: {{tier: {tier}}}}}
"""
    assert _refused(document) == []
