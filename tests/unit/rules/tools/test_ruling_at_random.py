"""No argument makes a denied tool allowed: tables and calls at random, and a slow restatement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import parse
from dsl.core import Tier
from dsl.rules.tools.calls import CallRefusedError, ToolCall, call_of
from dsl.rules.tools.ruling import Caller, Passed, Ruling, ToolPolicy, rule_on
from dsl.steps.tools import ToolApprovalPlan, ToolRate, ToolRule
from tests.fixtures.search import inputs

DENY = ToolPolicy.DENY
CALLER = Caller("shop.refund", Tier.T1, "refund")
INPUTS = {"limit": 3}
PEOPLE = ToolApprovalPlan(approvers=("ann",), quorum=1, timeout_ms=1_000, on_timeout="reject")
TOOLS = ["refund", "list", "Refund", "refund.v2"]
CONDITIONS = [
    None,
    "true",
    "false",
    "args.amount < inputs.limit",
    "args.amount >= 2",
    "has(args.amount)",
    "!has(args.amount) || args.amount == 1",
    'args.to == "ann"',
    'args.to.startsWith("a")',
    "args.list.all(each, each < 3)",
    "args.amount + 1",
    "agent.tier > 1",
    "1 / args.amount > 0",
]
WORDS = st.sampled_from(["amount", "to", "list", "Amount", "__proto__", "agent", "inputs", ""])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from(["ann", "", "true || true", "${{ true }}", "\u0430nn"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)
)
ARGUMENTS = st.dictionaries(WORDS, VALUES, max_size=4)


@st.composite
def rules(draw: st.DrawFn, policies: Sequence[str] = ("allow", "approve", "deny")) -> ToolRule:
    policy: Any = draw(st.sampled_from(policies))
    return ToolRule(
        server="pay",
        tool=draw(st.sampled_from(TOOLS)),
        policy=policy,
        when=draw(st.sampled_from(CONDITIONS)),
        approve=PEOPLE if policy == "approve" else None,
        max_calls=draw(st.none() | st.integers(1, 2)),
        rate=draw(st.none() | st.builds(ToolRate, calls=st.just(1), window_ms=st.just(10))),
    )


TABLES = st.lists(rules(), max_size=6)
EARLIER = st.lists(st.builds(Passed, st.integers(1, 6), st.integers(0, 30)), max_size=6)


def made(tool: str, arguments: Mapping[str, Any]) -> ToolCall | None:
    try:
        return call_of("pay", tool, dict(arguments))
    except CallRefusedError:
        return None


def ruled(call: ToolCall, table: Sequence[ToolRule], earlier: Sequence[Passed]) -> Ruling:
    return rule_on(call, table, caller=CALLER, inputs=INPUTS, earlier=earlier, now_ms=20)


def restated(call: ToolCall, table: Sequence[ToolRule], earlier: Sequence[Passed]) -> str:
    """Decide as the rules read."""
    env = {"args": call.arguments, "agent": CALLER.fields(), "inputs": INPUTS}
    for number, rule in enumerate(table, start=1):
        if rule.tool != call.tool or rule.server != call.server:
            continue
        try:
            holds = rule.when is None or parse(rule.when).test(env)
        except ExpressionError:
            return "deny"
        if not holds:
            continue
        mine = [each.at_ms for each in earlier if each.rule == number]
        if rule.max_calls is not None and len(mine) >= rule.max_calls:
            return "deny"
        if rule.rate is not None:
            recent = [at for at in mine if at > 20 - rule.rate.window_ms]
            if len(recent) >= rule.rate.calls:
                return "deny"
        return rule.policy
    return "deny"


@inputs(500)
@given(st.sampled_from(TOOLS), ARGUMENTS, TABLES, EARLIER)
def test_the_ruling_is_what_the_rules_say(tool, arguments, table, earlier):
    call = made(tool, arguments)
    if call is not None:
        found = ruled(call, table, earlier)

        assert found.policy.value == restated(call, table, earlier)
        assert found.why
        assert "\n" not in found.why


@inputs(500)
@given(st.sampled_from(TOOLS), ARGUMENTS, TABLES, EARLIER)
def test_no_argument_makes_a_tool_allowed_that_no_rule_allows(tool, arguments, table, earlier):
    call = made(tool, arguments)
    allowing = [each for each in table if each.tool == tool and each.policy != "deny"]
    if call is not None and not allowing:
        assert ruled(call, table, earlier).policy is DENY


@inputs(500)
@given(st.sampled_from(TOOLS), ARGUMENTS, TABLES, EARLIER)
def test_nothing_behind_a_denial_without_a_condition_is_reached(tool, arguments, table, earlier):
    call = made(tool, arguments)
    if call is not None:
        first = ToolRule(server="pay", tool=tool, policy="deny")
        assert ruled(call, [first, *table], earlier).policy is DENY


@inputs(500)
@given(st.sampled_from(TOOLS), ARGUMENTS, TABLES, EARLIER, EARLIER)
def test_more_calls_in_the_past_never_allow_more(tool, arguments, table, earlier, more):
    call = made(tool, arguments)
    if call is not None and ruled(call, table, earlier).policy is DENY:
        assert ruled(call, table, [*earlier, *more]).policy is DENY


@inputs(500)
@given(st.sampled_from(TOOLS), ARGUMENTS, TABLES, st.lists(rules(("deny",)), max_size=3))
def test_denials_put_in_front_never_allow_more(tool, arguments, table, denials):
    call = made(tool, arguments)
    if call is not None and ruled(call, table, []).policy is DENY:
        assert ruled(call, [*denials, *table], []).policy is DENY
