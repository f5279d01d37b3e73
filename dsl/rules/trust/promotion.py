"""May this agent be raised, or come back? From its score card and the criteria alone.

Every criterion that does not hold is one sentence with its figure and what is needed; no sentence,
nothing to object. The rules:

1. All criteria must hold. None makes up for another.
2. One tier at a time, from the tier that Vault and the ledger both say the agent holds.
3. A revoked agent is raised to nothing, and T3 and T4 are not for agents of inline plans.
4. After a demotion nothing is raised for a while, whatever happens in it.
5. Only a revoked agent comes back, at T0, and not before every token it was ever given is dead:
   a token that outlived the revocation would come back with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from dsl.core import Tier
from dsl.criteria import Criteria, TierCriteria
from dsl.rules.trust.admission import is_inline
from dsl.rules.trust.scorecard import Card, milliseconds
from dsl.values.durations import render_duration

_UNITS_MS: Final = (86_400_000, 3_600_000, 60_000, 1_000)


def unmet(
    criteria: Criteria, card: Card, held: Tier, to: Tier, now: int, *, verified: bool
) -> tuple[str, ...]:
    """Return what is missing before the agent may be raised from ``held`` to ``to``.

    Args:
        criteria: of the installation.
        card: of the agent.
        held: the tier as Vault has it.
        to: the tier wanted.
        now: milliseconds since 1970.
        verified: whether the ledger verifies from its first entry to its last.
    """
    refused = tuple(_refused(card, held, to))
    if refused:
        return refused
    needed = criteria.to(to)
    if needed is None:
        return (f"this installation raises nobody to {to.name}: its criteria leave it out",)
    return tuple(_missing(criteria, needed, card, now, verified=verified))


def unmet_reinstatement(card: Card, to: Tier, now: int, token_life_s: int) -> tuple[str, ...]:
    """Return why a revoked agent may not come back now (5).

    Args:
        card: of the agent.
        to: the tier wanted.
        now: milliseconds since 1970.
        token_life_s: how long a token may live at most.
    """
    if not card.registered:
        return (_unknown(card),)
    if not card.revoked:
        return (f"agent {card.agent!r} is not revoked: there is nothing to reinstate",)
    sentences = []
    if to is not Tier.T0:
        sentences.append(f"whoever was revoked comes back at T0, and {to.name} was asked for")
    free = card.stopped + token_life_s * 1_000
    if now < free:
        sentences.append(
            f"a token given before the revocation may live until {_at(free)}, "
            f"in {_rough(free - now)}: ask again then"
        )
    return tuple(sentences)


def unverified() -> str:
    """Return what is said when the ledger does not verify."""
    return (
        "the evidence does not verify: the ledger is not what was written, see "
        "`mandate ledger verify`"
    )


def figures(card: Card) -> dict[str, Any]:
    """Return the figures of a card that people are shown and sign; integers and text."""
    last = card.breaches[-1] if card.breaches else None
    return {
        "since": card.since,
        "compliant_in_a_row": card.in_a_row,
        "compliant": card.compliant,
        "ended": card.ended,
        "violations": card.violations,
        "last_violation": f"{last.kind} {last.ts}" if last else "",
        "budget_burn_percent": card.burn,
        "demotions": card.demotions,
        "last_demotion": card.demoted,
        "revocations": card.revocations,
    }


def _refused(card: Card, held: Tier, to: Tier) -> Iterator[str]:
    if not card.registered:
        yield _unknown(card)
        return
    if card.revoked:  # (3) a revoked one is raised to nothing
        yield f"agent {card.agent!r} is revoked: reinstate it first"
        return
    if held is not card.tier:  # (2) Vault and ledger agree
        yield (
            f"vault says that it holds {held.name} and the ledger says {card.tier.name}: "
            "find out who has changed it"
        )
        return
    if to <= held:
        yield f"it holds {held.name} already, and {to.name} was asked for"
    elif to > held + 1:  # (2) one tier at a time
        yield f"one tier at a time: {Tier(held + 1).name} next, and {to.name} was asked for"
    if to >= Tier.T3 and is_inline(card.agent):  # (3) not for inline plans
        yield (
            f"{to.name} needs a registered plan, and this agent is of an inline one: "
            "`mandate register FILE` makes it another agent, which begins anew"
        )


def _missing(
    criteria: Criteria, needed: TierCriteria, card: Card, now: int, *, verified: bool
) -> Iterator[str]:
    if card.in_a_row < needed.compliant_runs:
        yield (
            f"{card.in_a_row} compliant runs in a row at {card.tier.name}, "
            f"{needed.compliant_runs} needed"
        )
    age = now - milliseconds(card.since)
    if age < needed.age:
        yield f"at {card.tier.name} for {_rough(age)}, {render_duration(needed.age)} needed"
    yield from _violations(needed, card, now)
    if card.burn > needed.budget_burn_max:
        yield (
            f"{card.burn} % of tries failed in the last {len(card.recent)} runs, "
            f"{needed.budget_burn_max} % allowed"
        )
    if card.demoted:
        quiet = now - milliseconds(card.demoted)
        if quiet < criteria.after_demotion:  # (4) nothing for a while
            yield (
                f"demoted {_rough(quiet)} ago, {render_duration(criteria.after_demotion)} have to "
                "pass after a demotion"
            )
    if not verified:
        yield unverified()


def _violations(needed: TierCriteria, card: Card, now: int) -> Iterator[str]:
    window = needed.no_violations_for
    within = [each for each in card.breaches if now - milliseconds(each.ts) < window]
    if within:
        last = within[-1]
        ago = _rough(now - milliseconds(last.ts))
        yield (
            f"{len(within)} violation(s) within {render_duration(window)}, the last {ago} ago "
            f"({last.kind}), none allowed"
        )


def _unknown(card: Card) -> str:
    return f"agent {card.agent!r} is unknown to the ledger: it was never registered"


def _rough(ms: int) -> str:
    """Return a span in its two largest units, rounded down."""
    for place, unit in enumerate(_UNITS_MS):
        if ms >= unit:
            finest = _UNITS_MS[min(place + 1, len(_UNITS_MS) - 1)]
            return render_duration(ms // finest * finest)
    return "0s"


def _at(ms: int) -> str:
    """Return a time, rounded up to the second."""
    at = datetime.fromtimestamp(-(-ms // 1_000), UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
