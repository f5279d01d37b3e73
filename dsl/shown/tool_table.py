"""The table of tools of a stage in words, a sentence for each rule and one for what none names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsl.steps.people import PeoplePlan
from dsl.steps.tools import ToolRule
from dsl.values.durations import render_duration


def table_in_words(table: Sequence[ToolRule]) -> Iterator[str]:
    """Yield what the rules say, in order, and what becomes of everything else."""
    named: set[tuple[str, str]] = set()
    for number, rule in enumerate(table, start=1):
        name = (rule.server, rule.tool)
        otherwise = ", else" if name in named else ""
        where = f" where {rule.when}" if rule.when is not None else ""
        named.add(name)
        yield f"{number}. {'/'.join(name)}{otherwise}{where}: {_policy(rule)}{_limits(rule)}"
    yield "all else is denied, and so is a call for which a condition has no value"


def _policy(rule: ToolRule) -> str:
    if rule.approve is None:
        return "called" if rule.policy == "allow" else "denied"
    asked = rule.approve
    then = "then denied"
    if asked.on_timeout == "escalate" and asked.escalate_to is not None:
        others = asked.escalate_to
        of = f"{others.quorum} of {', '.join(others.approvers)}"
        then = f"then {of} for {render_duration(others.timeout_ms)}"
    return f"asks {_people(asked)} for {render_duration(asked.timeout_ms)}, {then}"


def _people(asked: PeoplePlan) -> str:
    people = [f"{asked.quorum} of {', '.join(asked.approvers)}"] if asked.approvers else []
    return " and ".join(
        [*people, *(f"{each.quorum} of group:{each.name}" for each in asked.groups)]
    )


def _limits(rule: ToolRule) -> str:
    most = f", at most {rule.max_calls} times" if rule.max_calls is not None else ""
    rate = rule.rate
    within = f", at most {rate.calls} within {render_duration(rate.window_ms)}" if rate else ""
    return most + within
