"""Calls of past runs as the ledger has them, and what another table would have made of them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from dsl import actions
from dsl.compiler import compile_text
from dsl.core import Tier
from dsl.plan import AgentStep, walk
from dsl.rules.tools.calls import call_of
from dsl.rules.tools.ruling import Caller, Passed, ToolPolicy, rule_on
from integrations.ledger.entries import Entry
from mandate.work.operate import tools_replay


def steps_of(**rule: Any) -> dict[str, AgentStep]:
    table = [{"server": "pay", "tool": "refund", "policy": "allow", **rule}]
    work = {"name": "work", "type": "agent", "template": "default"}
    document = {
        "name": "p",
        "version": "1",
        "stages": [{**work, "config": {"tier": 1, "timeout": "2m", "tools": table}}],
    }
    plan = compile_text(json.dumps(document), "p.yaml").plan
    return {each.path: each for each in walk(plan.steps) if isinstance(each, AgentStep)}


_places = itertools.count(1)
EFFECT = "its effect 'pay/refund:p-1' was asked for before: entry 3 of the ledger"


def entry(action: str, at: str = "10:00:00", **payload: Any) -> Entry:
    place = next(_places)
    ts = f"2026-11-30T{at}.000000Z"
    return Entry(place, ts, str(place), "r/work", "run", "a", Tier.T1, action, payload, "00", "00")


def call(action: str, number: int, arguments: Any, at: str = "10:00:00", **more: Any) -> Entry:
    said = {"occurrence": f"o{number}", "ordinal": number, "call": "pay/refund", **more}
    return entry(action, at, **said, arguments=arguments)


def allowed(number: int, arguments: Any, **more: Any) -> Entry:
    return call(actions.TOOL_INTENDED, number, arguments, rule=1, policy="allow", **more)


def denied(number: int, arguments: Any, why: str, **more: Any) -> Entry:
    return call(actions.TOOL_DENIED, number, arguments, why=why, **more)


def tried(*entries: Entry, **rule: Any) -> list[tuple[str, str]]:
    """What was decided about each call, and what would have been; ``-``: it is not compared."""
    found = tools_replay.replayed(tools_replay.calls_of(entries, ["r"]), steps_of(**rule), {})
    return [(each.call.policy, each.ruling.policy.value if each.ruling else "-") for each in found]


def test_a_number_that_is_no_integer_is_decided_about_as_one():
    made = allowed(1, {"amount": "9.5"}, arguments_exactly='{"amount":9.5}')
    text = denied(2, {"amount": "9.5"}, "the condition of rule 1 has no value here: x", rule=1)

    assert tried(made, text, when="args.amount <= 10.0") == [("allow", "allow"), ("deny", "deny")]


def test_limits_of_a_time_are_counted_from_the_decision_and_not_from_the_entry():
    second = 1_000
    entries = (
        allowed(1, {}, decided_ms=10 * second),
        allowed(3, {}, decided_ms=90 * second),
        denied(2, {}, "rule 1 lets 1 calls through", rule=1, decided_ms=20 * second, policy="deny"),
    )

    found = tried(*entries, rate={"calls": 1, "window": "1m"})

    assert found == [("allow", "allow"), ("deny", "deny"), ("allow", "allow")]


@pytest.mark.parametrize("told", [{"decided_ms": 1}, {}], ids=("today", "before"))
def test_a_denial_that_no_table_made_is_not_compared(told):
    let_through = {"policy": "allow"} if told else {}
    entries = (
        denied(1, {"amount": 1}, EFFECT, rule=1, **let_through, **told),
        denied(2, {"amount": 1}, "nobody knows whether call 1", rule=0, **told),
        entry(actions.TOOL_DENIED, ordinal=3, call="pay/x", why="are one key", **told),
        denied(
            4, {"digest": f"sha256:{0:064}", "count": 1}, "no rule for pay/refund holds", rule=0
        ),
    )

    found = tried(*entries, max_calls=1)

    assert found == [("deny", "-")] * 4


def test_what_a_table_let_through_counts_though_it_was_denied():
    entries = (
        denied(1, {}, EFFECT, rule=1, policy="allow", decided_ms=1),
        allowed(2, {}, decided_ms=2),
    )

    assert tried(*entries, max_calls=1) == [("deny", "-"), ("allow", "deny")]


def test_what_people_were_asked_about_is_compared_by_that():
    subject = {"work": {"call-1": "o1"}}
    opened = Entry(
        *(0, "2026-11-30T10:00:00.000000Z", "0", "r", "run", "a", Tier.T1, "gate.opened"),
        *({"subject": subject}, "00", "00"),
    )

    assert tried(opened, denied(1, {}, "rejected by ann", rule=1)) == [("approve", "allow")]


def test_denials_of_entries_that_say_it_in_words_alone_are_known_as_a_tables():
    caller, many = Caller("a", Tier.T1, "work"), [Passed(1, 0)] * 1_000
    tables: list[dict[str, Any]] = [
        {"policy": "deny"},
        {"when": "args.amount > 5"},
        {"when": "args.missing > 5"},
        {"max_calls": 1},
        {"rate": {"calls": 1, "window": "1m"}},
        {"tool": "other"},
        {},
    ]
    for each in tables:
        earlier = many if not each else many[:5]
        ruling = rule_on(
            call_of("pay", "refund", {"amount": 1}),
            steps_of(**each)["work"].tools,
            caller=caller,
            inputs={},
            earlier=earlier,
            now_ms=1,
        )
        assert ruling.policy is ToolPolicy.DENY
        assert tried(denied(1, {}, ruling.why, rule=ruling.rule))[0][1] != "-", ruling.why
