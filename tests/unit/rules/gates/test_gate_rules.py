"""What a gate of a plan asks for when it opens, and when it escalates."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.compiler import compile_text
from dsl.plan import GateStep
from dsl.rules.gates.consensus import Rules
from dsl.rules.gates.gate_rules import has_people, rules_of
from tests.unit.dsl.documents import document
from tests.unit.dsl.stages import agent, gate, stages

ESCALATES = "escalate_to: {approvers: [cy, 'group:council'], quorum: 2}"
ASKED: dict[str, Any] = {"identity": ("verified",), "excluded": {"eve"}}


def step_of(config: str) -> GateStep:
    text = document(stages(agent("a"), gate("g", f"config: {{{config}}}", "a")))
    step = compile_text(text, "p.yaml").plan.steps[1]
    assert isinstance(step, GateStep)
    return step


def test_the_first_opening_asks_whom_the_gate_names():
    step = step_of("approvers: [ana, 'group:sre'], groups: [{name: ops, quorum: 3}], quorum: 2")

    assert rules_of(step, escalated=False, **ASKED) == Rules(
        approvers=frozenset({"ana", "group:sre"}),
        groups={"ops": 3},
        quorum=2,
        identity=frozenset({"verified"}),
        excluded=frozenset({"eve"}),
    )


def test_an_escalation_asks_others_and_keeps_the_rest():
    step = step_of(
        "approvers: [ana], groups: [{name: ops}], reason: required, on_timeout: escalate, "
        + ESCALATES
    )

    assert rules_of(step, escalated=True, **ASKED) == Rules(
        approvers=frozenset({"cy", "group:council"}),
        groups={},
        quorum=2,
        identity=frozenset({"verified"}),
        reason_required=True,
        excluded=frozenset({"eve"}),
    )


def test_agents_alone_escalate_whenever_they_do_not_decide():
    step = step_of(f"gate_type: consensus, members: [{{stage: a}}], {ESCALATES}")

    assert not has_people(step)
    assert rules_of(step, escalated=True, **ASKED).quorum == 2


@pytest.mark.parametrize(
    ("config", "escalated", "said"),
    [
        ("approvers: [ana]", True, "escalates to nobody"),
        (f"approvers: [ana], {ESCALATES}", True, "never escalates"),
        ("gate_type: consensus, members: [{stage: a}]", False, "answered by nobody"),
        ("gate_type: consensus, members: [{stage: a}]", True, "escalates to nobody"),
    ],
)
def test_an_opening_that_cannot_be_is_refused(config, escalated, said):
    with pytest.raises(ValueError, match=said):
        rules_of(step_of(config), escalated=escalated, **ASKED)
