"""May this call be made? Decided by the table of its stage, and by nothing that a model says.

Pure: the same call, table and past give the same ruling wherever it is asked, in a workflow and in
the worker that carries it out. The rules:

1. What no rule of the table names is denied.
2. Of the rules that name the tool the first whose ``when`` holds decides. Where none holds, the
   call is denied.
3. A ``when`` that has no value for these arguments denies the call: to pass it by could reach a
   rule that allows what it was to deny.
4. All conditions of one call share one budget, and a call that spends it is denied.
5. What a rule has let through or asked about counts for its ``max_calls`` and its ``rate``,
   whatever came of it. Beyond them the call is denied: no later rule is tried.
6. A stage lets no more than ``TOOL_CALLS_MAX`` calls through, whatever its rules say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from dsl.conditions.errors import BudgetError, ExpressionError
from dsl.conditions.evaluate import Budget
from dsl.conditions.parser import Expression, parse
from dsl.core import Tier
from dsl.limits import TOOL_CALLS_MAX
from dsl.rules.tools.calls import ToolCall
from dsl.steps.tools import ToolRule
from dsl.values.durations import render_duration

_PARSED_MAX: Final = 1_024


class ToolPolicy(StrEnum):
    """What becomes of a call."""

    ALLOW = "allow"
    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as a ``when`` sees it."""

    agent: str  # identity
    tier: Tier
    stage: str  # path

    def fields(self) -> dict[str, Any]:
        """Return what ``agent`` is in a ``when``."""
        return {"id": self.agent, "tier": self.tier.value, "stage": self.stage}


@dataclass(frozen=True, slots=True)
class Passed:
    """An earlier call of the stage that was let through, or asked about (5)."""

    rule: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided, by which rule of the table, and why."""

    policy: ToolPolicy
    rule: int  # from 1 on, as people count; 0: none
    why: str


def rule_on(
    call: ToolCall,
    table: Sequence[ToolRule],
    *,
    caller: Caller,
    inputs: Mapping[str, Any],
    earlier: Sequence[Passed],
    now_ms: int,
) -> Ruling:
    """Return what becomes of ``call``."""
    naming = [
        (number, rule)
        for number, rule in enumerate(table, start=1)
        if (rule.server, rule.tool) == (call.server, call.tool)
    ]
    if not naming:  # (1) unnamed is denied
        return _denied(0, f"no rule of config.tools names {call.name}")
    env = {"args": call.arguments, "agent": caller.fields(), "inputs": dict(inputs)}
    budget = Budget()  # (4) one for all conditions
    for number, rule in naming:
        try:
            holds = _holds(rule.when, env, budget)
        except BudgetError:
            return _denied(number, f"the condition of rule {number} takes too many steps")
        except ExpressionError as error:
            # (3) never passed by
            return _denied(
                number, f"the condition of rule {number} has no value here: {error.message}"
            )
        if holds:  # (2) the first decides
            return _by(number, rule, earlier, now_ms)
    return _denied(0, f"no rule for {call.name} holds for these arguments")


def _by(number: int, rule: ToolRule, earlier: Sequence[Passed], now_ms: int) -> Ruling:
    policy = ToolPolicy(rule.policy)
    if policy is ToolPolicy.DENY:
        return _denied(number, f"rule {number} denies it")
    if len(earlier) >= TOOL_CALLS_MAX:  # (6) whatever the rules say
        return _denied(number, f"{TOOL_CALLS_MAX} calls of the stage were let through")
    mine = sorted(each.at_ms for each in earlier if each.rule == number)
    if rule.max_calls is not None and len(mine) >= rule.max_calls:  # (5) it counts
        return _denied(number, f"rule {number} lets {rule.max_calls} calls through, no more")
    if rule.rate is not None:
        within = [at for at in mine if now_ms - at < rule.rate.window_ms]
        if len(within) >= rule.rate.calls:  # (5) it counts
            wait_ms = within[-rule.rate.calls] + rule.rate.window_ms - now_ms
            window = render_duration(rule.rate.window_ms)
            return _denied(
                number,
                f"rule {number} lets {rule.rate.calls} calls through within {window}: "
                f"the next in {-(-wait_ms // 1_000)}s",
            )
    verb = "allows it" if policy is ToolPolicy.ALLOW else "asks people"
    return Ruling(policy, number, f"rule {number} {verb}")


def _denied(number: int, why: str) -> Ruling:
    return Ruling(ToolPolicy.DENY, number, why)


def _holds(when: str | None, env: Mapping[str, Any], budget: Budget) -> bool:
    return when is None or _parsed(when).test(env, budget)


@lru_cache(maxsize=_PARSED_MAX)
def _parsed(when: str) -> Expression:
    return parse(when)
