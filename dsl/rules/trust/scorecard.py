"""An agent's record, as the ledger tells it: what it did, and what was done about it.

One pure step per entry, from the first to the last: whoever folds the same entries gets the same
card, and nobody has to keep one. A card says what stands on the ledger and judges nothing; that is
for ``dsl.rules.trust.promotion``. The rules:

1. A run begins with ``agent.intended`` and is over with ``agent.ended``. An end without a beginning
   counts against the agent where it is bad, and never for it. A workflow id has one run at a time:
   a new one ends what is remembered of the one before.
2. A run is compliant when it was completed and no violation is recorded in it. Compliant runs in a
   row are those since the last tier change, and a run that began before it is not among them.
3. A violation ends the row at once, and so does a failure of the agent. A cancelled run neither
   counts nor ends it: people cancel. Nor does a run that failed without a failed try of the agent
   (``errors`` is 0): a store was away, or the run was refused before the agent was asked. Where
   the end does not say how many tries failed, it is all but the last one, and a failed run's last.
4. What an agent burns is the share of failed tries in its last ``BUDGET_RUNS`` runs, rounded up.
5. The tier is what was recorded first, then what promotions, demotions and reinstatements say.
   The highest epoch rules, and a revocation wins a tie, as in the authority of the agent. Revoking
   whoever is revoked raises the epoch and counts for nothing else.
6. An entry that changes the tier and names none is refused when it is recorded.
   A rebinding begins anew at the tier it names; violations and tries stay.
7. Everything is bounded. What is left out is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dsl import actions
from dsl.core import StageStatus, Tier
from dsl.rules.trust.admission import INSTANCE_SEPARATOR
from dsl.rules.trust.card import Breach, Card, Current, Tried

__all__ = [
    "Breach",
    "Card",
    "Current",
    "Fact",
    "Tried",
    "advance",
    "counts",
    "milliseconds",
    "objection",
]

BUDGET_RUNS: Final = 20
CURRENT_MAX: Final = 100
VIOLATIONS_KEPT_MAX: Final = 50
KINDS_MAX: Final = 40
SECRETS_KEPT_MAX: Final = 200
SECRET_LENGTH_MAX: Final = 512  # characters of a reference
WORD_LENGTH_MAX: Final = 80
OTHER_KINDS: Final = "other"
OF_STAGE: Final = "of"  # in what a run records for its stage: the workflow and run of the stage

_CHANGES: Final = (actions.AGENT_PROMOTED, actions.AGENT_DEMOTED, actions.AGENT_REBOUND)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """An entry of the ledger, as far as it matters here."""

    seq: int
    ts: str  # UTC, as on the ledger
    workflow_id: str
    run_id: str
    agent: str
    tier: Tier
    action: str
    payload: Mapping[str, Any]


def counts(agent: str, action: str) -> bool:
    """Tell whether such an entry changes a card."""
    return action in _STEPS and agent != "-" and INSTANCE_SEPARATOR not in agent


def objection(action: str, payload: Mapping[str, Any]) -> str | None:
    """Say why an entry cannot be recorded; None when it can (6)."""
    if action in _CHANGES and _tier(payload) is None:
        return f"'now' must be a tier from T0 to T4, got {payload.get('now')!r}"
    return None


def advance(card: Card, fact: Fact) -> Card:
    """Return the card after ``fact``, an entry of its agent that is newer than all before."""
    if not counts(fact.agent, fact.action):
        return card
    after = _STEPS[fact.action](card, fact)
    return replace(
        after,
        first=card.first if card.entries else fact.seq,
        last=fact.seq,
        entries=card.entries + 1,
    )


def milliseconds(ts: str) -> int:
    """Return a time of the ledger in milliseconds since 1970."""
    return (datetime.fromisoformat(ts) - _EPOCH) // timedelta(milliseconds=1)


def _registered(card: Card, fact: Fact) -> Card:
    if card.registered:  # (5) the tier is what was first
        return card
    tier = _tier(fact.payload, "tier")
    return replace(
        _moved(card, fact, fact.tier if tier is None else tier),
        registered=fact.ts,
        entity=_word(fact.payload, "entity"),
        **_binding(fact.payload),
    )


def _changed(card: Card, fact: Fact) -> Card:
    now = _tier(fact.payload)
    if now is None:
        raise ValueError(objection(fact.action, fact.payload))
    after = replace(_moved(card, fact, now), trial=fact.payload.get("trial") is True)
    if fact.action == actions.AGENT_DEMOTED:
        return replace(after, demotions=card.demotions + 1, demoted=fact.ts)
    return after


def _rebound(card: Card, fact: Fact) -> Card:
    anew = replace(card, since="", **_binding(fact.payload))  # also where the tier is the same (6)
    return _changed(anew, fact)


def _revoked(card: Card, fact: Fact) -> Card:
    epoch = _count(fact.payload, "epoch", 0)
    if (epoch, True) <= (card.epoch, card.revoked):  # (5) a revocation wins a tie
        return card
    if card.revoked:  # said again: nothing was minted since the first time
        return replace(card, epoch=epoch)
    count = card.revocations + 1
    return replace(card, epoch=epoch, stopped=epoch, revoked=True, revocations=count, in_a_row=0)


def _reinstated(card: Card, fact: Fact) -> Card:
    epoch = _count(fact.payload, "epoch", 0)
    if epoch <= card.epoch:  # (5) the highest epoch rules
        return card
    now = _tier(fact.payload) or Tier.T0
    anew = replace(card, since="")  # it begins anew, also where the tier is the same
    return replace(_moved(anew, fact, now), epoch=epoch, revoked=False)


def _intended(card: Card, fact: Fact) -> Card:
    workflow, run = _place(fact)
    begun = Current(workflow, run, _word(fact.payload, "path"), fact.tier, fact.ts, fact.seq)
    # (1) one run at a time for an id
    others = tuple(each for each in card.current if each.workflow != workflow)
    secrets, left_out = _handed(card, fact.payload.get("secrets"))
    return replace(
        card,
        current=(*others, begun)[-CURRENT_MAX:],
        secrets=secrets,
        secrets_left_out=card.secrets_left_out + left_out,
    )


def _violated(card: Card, fact: Fact) -> Card:
    place = workflow, run = _place(fact)
    kind = _word(fact.payload, "kind")
    breach = Breach(fact.ts, kind, _word(fact.payload, "consequence"), workflow, run, fact.seq)
    known = kind in card.kinds or len(card.kinds) < KINDS_MAX
    counted = kind if known else OTHER_KINDS  # (7) everything is bounded
    current = tuple(
        replace(each, violated=True) if (each.workflow, each.run) == place else each
        for each in card.current
    )
    return replace(
        card,
        current=current,
        breaches=(*card.breaches, breach)[-VIOLATIONS_KEPT_MAX:],
        kinds={**card.kinds, counted: card.kinds.get(counted, 0) + 1},
        in_a_row=0,  # (3) ends the row at once
    )


def _ended(card: Card, fact: Fact) -> Card:
    place = _place(fact)
    begun = next((each for each in card.current if (each.workflow, each.run) == place), None)
    status = fact.payload.get("status")
    if status == StageStatus.WAITING:  # it asks people, and goes on in another workflow
        return replace(card, current=tuple(each for each in card.current if each is not begun))
    tried = _tried(fact.payload, status)
    after = replace(
        card,
        current=tuple(each for each in card.current if each is not begun),
        ended=card.ended + (begun is not None),
        recent=(*card.recent, tried)[-BUDGET_RUNS:],
    )
    if status == StageStatus.CANCELLED or (status == StageStatus.FAILED and not tried.errors):
        return after  # (3) a cancelled run counts for nothing
    if status != StageStatus.COMPLETED:
        spent = after.exhausted + (fact.payload.get("exhausted") is True)
        return replace(after, in_a_row=0, exhausted=spent)
    if begun is None or begun.violated:  # (1) (2) never for it without a beginning
        return replace(after, exhausted=0)
    at_tier = begun.seq > card.tier_seq
    return replace(
        after,
        exhausted=0,
        compliant=card.compliant + 1,
        in_a_row=card.in_a_row + at_tier,
    )


def _moved(card: Card, fact: Fact, tier: Tier) -> Card:
    """Begin anew at ``tier``; the same one again changes nothing."""
    if card.since and tier == card.tier:
        return card
    return replace(card, tier=tier, since=fact.ts, tier_seq=fact.seq, in_a_row=0)


def _tried(payload: Mapping[str, Any], status: Any) -> Tried:
    tries = _count(payload, "attempts", 0)
    # (3) all but the last, and a failed run's last
    failed = max(0, tries - 1) + (status == StageStatus.FAILED and tries > 0)
    return Tried(tries, min(_count(payload, "errors", failed), max(tries, 1)))


def _handed(card: Card, value: Any) -> tuple[tuple[str, ...], int]:
    if not isinstance(
        value, list
    ):  # too many to be told one by one: see ``workflows.ledger.facts``
        return card.secrets, _count(value, "count", 0) if isinstance(value, dict) else 0
    fresh = sorted({str(each) for each in value} - set(card.secrets))
    fit = [each for each in fresh if len(each) <= SECRET_LENGTH_MAX]
    kept = fit[: SECRETS_KEPT_MAX - len(card.secrets)]
    return (*card.secrets, *kept), len(fresh) - len(kept)


def _place(fact: Fact) -> tuple[str, str]:
    """Return workflow and run of the stage, also where the run recorded it in its stead."""
    of = fact.payload.get(OF_STAGE)
    if isinstance(of, dict):
        return str(of.get("workflow")), str(of.get("run"))
    return fact.workflow_id, fact.run_id


def _binding(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _word(payload, name) for name in ("pipeline", "template", "program")}


def _tier(payload: Mapping[str, Any], name: str = "now") -> Tier | None:
    value = payload.get(name)
    return Tier.__members__.get(value) if isinstance(value, str) else None


def _count(payload: Mapping[str, Any], name: str, default: int) -> int:
    value = payload.get(name)
    return value if type(value) is int and value >= 0 else default


def _word(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    return value[:WORD_LENGTH_MAX] if isinstance(value, str) else ""


_STEPS: Final[Mapping[str, Callable[[Card, Fact], Card]]] = {
    actions.AGENT_REGISTERED: _registered,
    actions.AGENT_INTENDED: _intended,
    actions.AGENT_ENDED: _ended,
    actions.AGENT_VIOLATED: _violated,
    actions.AGENT_PROMOTED: _changed,
    actions.AGENT_DEMOTED: _changed,
    actions.AGENT_REBOUND: _rebound,
    actions.AGENT_REVOKED: _revoked,
    actions.AGENT_REINSTATED: _reinstated,
}

ACTIONS: Final = frozenset(_STEPS)  # entries that change a card
