"""What the table of a stage makes of a call."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.core import Tier
from dsl.limits import TOOL_CALLS_MAX
from dsl.rules.tools.calls import call_of
from dsl.rules.tools.ruling import Caller, Passed, Ruling, ToolPolicy, rule_on
from dsl.steps.tools import ToolApprovalPlan, ToolRate, ToolRule

ALLOW, APPROVE, DENY = ToolPolicy.ALLOW, ToolPolicy.APPROVE, ToolPolicy.DENY
CALLER = Caller("shop.refund", Tier.T1, "refund")
PEOPLE = ToolApprovalPlan(approvers=("ann",), quorum=1, timeout_ms=1_000, on_timeout="reject")


def rule(policy: Any, when: str | None = None, tool: str = "refund", **more: Any) -> ToolRule:
    approve = PEOPLE if policy == APPROVE else None
    return ToolRule(server="pay", tool=tool, policy=policy, when=when, approve=approve, **more)


def ruled(
    table: list[ToolRule],
    arguments: dict[str, Any] | None = None,
    *,
    tool: str = "refund",
    earlier: list[Passed] | None = None,
    now_ms: int = 0,
) -> Ruling:
    call = call_of("pay", tool, {"amount": 5} if arguments is None else arguments)
    inputs = {"limit": 100}
    return rule_on(call, table, caller=CALLER, inputs=inputs, earlier=earlier or [], now_ms=now_ms)


STEPS = [
    rule(ALLOW, "args.amount < inputs.limit"),
    rule(APPROVE, "args.amount < 10000"),
    rule(DENY),
]


@pytest.mark.parametrize(
    ("amount", "policy", "by"), [(99, ALLOW, 1), (100, APPROVE, 2), (10_000, DENY, 3)]
)
def test_the_first_rule_that_holds_decides(amount, policy, by):
    found = ruled(STEPS, {"amount": amount})

    assert (found.policy, found.rule) == (policy, by)


def test_what_no_rule_names_is_denied():
    found = ruled(STEPS, tool="Refund")

    assert found == Ruling(DENY, 0, "no rule of config.tools names pay/Refund")
    assert ruled([], {}).policy is DENY


def test_where_no_rule_holds_the_call_is_denied():
    assert ruled([rule(ALLOW, "args.amount > 5")]) == Ruling(
        DENY, 0, "no rule for pay/refund holds for these arguments"
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "no field 'amount'"),
        ({"Amount": 5}, "no field 'amount'"),
        ({"amount": "5"}, "cannot compute"),
        ({"amount": None}, "cannot compute"),
        ({"amount": [5]}, "cannot compute"),
    ],
)
def test_a_condition_without_a_value_denies_and_is_not_passed_by(arguments, why):
    found = ruled([rule(DENY, "args.amount >= 100"), rule(ALLOW)], arguments)

    assert (found.policy, found.rule) == (DENY, 1)
    assert why in found.why


def test_a_condition_that_is_no_truth_value_denies():
    found = ruled([rule(ALLOW, "args.amount")], {"amount": 1})

    assert found.policy is DENY
    assert "a condition is a bool, and this is an int" in found.why


def test_a_condition_sees_who_calls():
    table = [rule(ALLOW, 'agent.id == "shop.refund" && agent.tier == 1 && agent.stage == "refund"')]

    assert ruled(table).policy is ALLOW


def test_arguments_are_values_and_never_expressions():
    table = [rule(ALLOW, 'args.memo == "ok"'), rule(DENY)]

    assert ruled(table, {"memo": 'ok" || true || "'}).policy is DENY
    assert ruled(table, {"memo": "${{ true }}"}).policy is DENY


def test_all_conditions_of_a_call_share_one_budget():
    slow = rule(DENY, "args.list.exists(a, args.list.exists(b, a + b < 0))")

    found = ruled([*[slow] * 5, rule(ALLOW)], {"list": list(range(60))})

    assert found.policy is DENY
    assert "too many steps" in found.why


def test_beyond_max_calls_no_later_rule_is_tried():
    table = [rule(ALLOW, max_calls=2), rule(ALLOW)]

    assert ruled(table, earlier=[Passed(1, 0)]).policy is ALLOW
    found = ruled(table, earlier=[Passed(1, 0), Passed(1, 5)])
    assert (found.policy, found.rule) == (DENY, 1)
    assert found.why == "rule 1 lets 2 calls through, no more"
    assert ruled(table, earlier=[Passed(2, 0), Passed(2, 5)]).policy is ALLOW


def test_a_rate_is_of_a_sliding_window():
    table = [rule(APPROVE, rate=ToolRate(calls=2, window_ms=60_000))]
    two = [Passed(1, 0), Passed(1, 30_000)]

    assert ruled(table, earlier=two[:1], now_ms=40_000).policy is APPROVE
    found = ruled(table, earlier=two, now_ms=40_000)
    assert found.policy is DENY
    assert found.why == "rule 1 lets 2 calls through within 1m: the next in 20s"
    assert ruled(table, earlier=two, now_ms=60_000).policy is APPROVE


def test_a_clock_that_was_set_back_opens_no_window():
    table = [rule(ALLOW, rate=ToolRate(calls=1, window_ms=60_000))]

    assert ruled(table, earlier=[Passed(1, 500_000)], now_ms=0).policy is DENY


def test_a_stage_has_a_limit_whatever_its_rules_say():
    earlier = [Passed(1, 0)] * TOOL_CALLS_MAX

    found = ruled([rule(ALLOW)], earlier=earlier)

    assert found.policy is DENY
    assert found.why == f"{TOOL_CALLS_MAX} calls of the stage were let through"
