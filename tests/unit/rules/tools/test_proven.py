"""A call of T3 is let through once, in its place, by people who have signed for it a while ago."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.core import Tier
from dsl.limits import TOOL_APPROVAL_GOOD_MS
from dsl.plan import AgentStep, walk
from dsl.rules.gates.consensus import Decision, Vote
from dsl.rules.gates.warrant import Opened
from dsl.rules.tools.calls import Occurrence, call_of
from dsl.rules.tools.proven import (
    CallNotProvenError,
    SpentCall,
    gate_asked,
    refuse_approval,
    refuse_place,
    refuse_spent,
    ruling_of,
)
from dsl.rules.tools.ruling import Ruling, ToolPolicy
from tests.unit.dsl.stages import agent, gate
from tests.unit.rules.plans import plan_of

PLACE = {"plan": "p", "run": "r", "run_id": "1", "stage": "d"}
NOBODY: dict[str, frozenset[str] | None] = {"starter": frozenset(), "author": frozenset()}
ASKS = Ruling(ToolPolicy.APPROVE, 2, "rule 2 asks people")
TABLE = (
    "tools: [{server: pay, tool: refund, policy: allow, when: args.amount < 10, max_calls: 2},"
    "{server: pay, tool: refund, policy: approve, approve: {approvers: [ana, bo], %s}}]"
)


def step_with(who: str = "identity: [verified]") -> AgentStep:
    plan = plan_of(agent("a"), gate("g", requires="a"), agent("d", "g", 3, config=TABLE % who))
    return next(s for s in walk(plan.steps) if s.path == "d" and isinstance(s, AgentStep))


def occurrence(amount: int = 82, ordinal: int = 1) -> Occurrence:
    return Occurrence(call=call_of("pay", "refund", {"amount": amount}), ordinal=ordinal, **PLACE)


def opened(of: Occurrence, *, name: str = "call-1", **more: Any) -> Opened:
    vote = Vote("ana", Decision("approve"), person="e1", proven=True)
    facts = {"opening": 1, "escalated": False, "votes": (vote,), **more}
    return Opened(f"d/{name}", subject={"d": {name: of.digest()}}, **facts)


def spent(
    of: Occurrence, *proofs: str, life: str = "1", rule: int = 2, at_ms: int = 0
) -> SpentCall:
    return SpentCall(occurrence=of.digest(), life=life, rule=rule, at_ms=at_ms, proofs=proofs)


@pytest.mark.parametrize("other", PLACE)
def test_a_call_is_of_its_run_plan_and_stage(other: str):
    assert refuse_place(occurrence(), **PLACE) is None
    assert "in another place" in (refuse_place(occurrence(), **{**PLACE, other: "x"}) or "")


def test_the_table_is_asked_anew_of_what_was_noted():
    small = [occurrence(5, number) for number in (1, 2, 3)]

    def ruled(of: Occurrence, *earlier: SpentCall) -> Ruling:
        return ruling_of(of, step_with(), agent="x", inputs={}, spent=earlier, now_ms=0)

    once, again = spent(small[0], rule=1), spent(small[0], rule=1)
    other_life = spent(small[1], rule=1, life="2")
    assert ruled(occurrence()).policy is ToolPolicy.APPROVE
    assert ruled(small[1], once, again).policy is ToolPolicy.ALLOW  # one call that is made again
    assert ruled(small[0], once, other_life).policy is ToolPolicy.ALLOW
    assert "lets 2 calls through" in ruled(small[2], once, other_life).why  # over all lives


def test_people_are_asked_where_the_table_says_so_and_by_their_proof():
    asked = gate_asked(step_with(), ASKS, "d/call-7")

    assert (asked.path, asked.approvers) == ("d/call-7", ("ana", "bo"))
    for path in ("d/outcome-1", "d/call-0", "e/call-1", "g", "d/call-1/x"):
        with pytest.raises(CallNotProvenError, match="asks nobody at such a gate"):
            gate_asked(step_with(), ASKS, path)
    allows = Ruling(ToolPolicy.ALLOW, 1, "")
    with pytest.raises(CallNotProvenError, match="asks nobody"):
        gate_asked(step_with(), allows, "d/call-1")


def refusal(of: Occurrence, seen: Opened, **more: Any) -> str:
    asked = gate_asked(step_with(more.pop("who", "identity: [verified]")), ASKS, "d/call-1")
    facts = {"excluded_for": NOBODY, "ended_ms": 0, "now_ms": 0, **more}
    return refuse_approval(asked, seen, of, **facts) or ""


def test_what_was_approved_is_this_call_by_those_who_count_and_not_long_ago():
    of = occurrence()
    late = TOOL_APPROVAL_GOOD_MS + 1

    assert refusal(of, opened(of)) == ""
    assert "is another call" in refusal(occurrence(820), opened(of))
    assert "is another call" in refusal(of, opened(of, name="call-2"))
    assert "is not approved" in refusal(of, opened(of, votes=()))
    assert "has expired" in refusal(of, opened(of), now_ms=late)
    assert refusal(of, opened(of), now_ms=late, ended_ms=1) == ""
    own = {"starter": frozenset({"ana", "e1"}), "author": frozenset[str]()}
    who = "identity: [verified], exclude: [starter]"
    assert "'ana' is excluded" in refusal(of, opened(of), excluded_for=own, who=who)
    unknown: dict[str, frozenset[str] | None] = {"starter": None}
    assert "nobody has proven to be that" in refusal(of, opened(of), excluded_for=unknown, who=who)


def test_a_call_is_made_once_and_a_proof_is_good_for_one():
    of, other = occurrence(), occurrence(82, 2)

    assert refuse_spent(spent(of, "e1/n"), [], times_max=1) is None
    assert "made before" in (refuse_spent(spent(of), [spent(of)], times_max=1) or "")
    assert refuse_spent(spent(of, "e1/n"), [spent(of, "e1/n")], times_max=3) is None
    assert "made before" in (refuse_spent(spent(of), [spent(of)] * 3, times_max=3) or "")
    for before in (spent(other, "e1/n"), spent(of, "e1/n", life="2")):
        assert "used for another call" in (
            refuse_spent(spent(of, "e1/n", "e2/m"), [before], times_max=3) or ""
        )


def test_the_stage_is_of_t3():
    assert step_with().tier is Tier.T3
