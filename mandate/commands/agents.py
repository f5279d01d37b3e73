"""``mandate agents`` and ``mandate agent show``: what the ledger says of agents, and what is next.

From the ledger's file alone, also while its writer runs: no server is asked. So the tier is the
one on the ledger; a promotion compares it with Vault's.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.core import Tier
from dsl.criteria import Criteria
from dsl.errors import DslError
from dsl.promotion import describe, load_criteria
from dsl.rules.grant import PROMOTE, REINSTATE
from dsl.rules.promotion import unmet, unmet_reinstatement
from dsl.rules.scorecard import Card
from dsl.suggestions import suggest
from integrations.errors import IntegrationError
from integrations.ledger import scores, verify
from integrations.vault.registry import TOKEN_LIFE_MAX_S
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.words import plain
from mandate.stack import environment

_HEAD: Final = ("TIER", "SINCE", "ROW", "RUNS", "VIOL", "BURN", "NOW", "NEXT", "AGENT")
_DAY: Final = 10  # characters of a date
_SHOWN_MAX: Final = 10  # runs and violations, of each the last


@dataclass(frozen=True, slots=True)
class Next:
    """What could come next for an agent, and what it lacks."""

    act: str  # empty: nothing
    to: Tier
    gate: str  # who has to consent
    unmet: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        told = {"act": self.act, "to": self.to.name, "gate": self.gate}
        return {**told, "unmet": list(self.unmet)}

    def brief(self) -> str:
        """Return it for a table."""
        if not self.act:
            return "-"
        what = self.to.name if self.act == PROMOTE else self.act
        return f"{what}: {len(self.unmet)} unmet" if self.unmet else f"{what}: all met"


def run(ledger: Path, *, as_json: bool, data_dir: Path | None) -> int:
    """Print every agent the ledger knows; none is no failure."""
    try:
        criteria = load_criteria(_file(data_dir))
        known = sorted(scores.cards(ledger).items())
    except (IntegrationError, DslError) as error:
        return _fail(error)
    cards = [card for _, card in known]
    if as_json:
        for card in cards:
            following = next_of(criteria, card, verified=True)
            print(json.dumps({**card.as_json(), "next": following.as_json()}))
    elif not cards:
        print("no agent is known: the first run of one makes it known")
    else:
        rows = [row(card, next_of(criteria, card, verified=True)) for card in cards]
        print("\n".join(_table([_HEAD, *rows])))
    return 0


def show(agent: str, ledger: Path, *, as_json: bool, data_dir: Path | None) -> int:
    """Print one agent; its evidence is verified, so a large ledger takes a while."""
    try:
        criteria = load_criteria(_file(data_dir))
        known = scores.cards(ledger)
        card = known.get(agent)
        if card is None:
            hint = suggest(agent, known, what="agents")
            print(f"mandate: the ledger knows no agent {plain(agent)!r}; {hint}", file=sys.stderr)
            return EXIT_FAILED
        verified = not verify.verify(ledger).problems
    except (IntegrationError, DslError) as error:
        return _fail(error)
    following = next_of(criteria, card, verified=verified)
    if as_json:
        told = {**card.as_json(), "verified": verified, "next": following.as_json()}
        print(json.dumps(told))
    else:
        print("\n".join(lines(card, following, verified=verified)))
    return 0


def next_of(criteria: Criteria, card: Card, *, verified: bool) -> Next:
    """Return what could come next for the agent, from the ledger's point of view."""
    now = int(time.time() * 1000)
    if card.revoked:
        why = unmet_reinstatement(card, Tier.T0, now, TOKEN_LIFE_MAX_S)
        return Next(REINSTATE, Tier.T0, describe(criteria.reinstatement.gate), why)
    if card.tier is Tier.T4:
        return Next("", Tier.T4, "", ())
    to = Tier(card.tier + 1)
    needed = criteria.to(to)
    why = unmet(criteria, card, card.tier, to, now, verified=verified)
    return Next(PROMOTE, to, describe(needed.gate) if needed else "", why)


def row(card: Card, following: Next) -> tuple[str, ...]:
    """Return the agent as a row of the table."""
    return (
        "revoked" if card.revoked else card.tier.name,
        card.since[:_DAY],
        str(card.in_a_row),
        f"{card.compliant}/{card.ended}",
        str(card.violations),
        f"{card.burn}%",
        str(len(card.current)),
        following.brief(),
        plain(card.agent),  # in full, and so at the end: it is what the next command takes
    )


def lines(card: Card, following: Next, *, verified: bool) -> Iterator[str]:
    """Yield what a person reads of one agent."""
    yield f"{plain(card.agent)}"
    revoked = ", REVOKED" if card.revoked else ""
    yield f"  tier        {card.tier.name} ({card.tier.title}) since {card.since}{revoked}"
    yield f"  bound to    {_binding(card)}"
    yield (
        f"  runs        {card.ended} ended, {card.compliant} compliant, {card.in_a_row} of them in "
        f"a row at {card.tier.name}"
    )
    yield f"  violations  {card.violations}{_kinds(card)}"
    for each in card.breaches[-_SHOWN_MAX:]:
        what = f"{plain(each.kind)}, {plain(each.consequence)}"
        yield f"              {each.ts}  {what}, entry {each.seq}"
    yield f"  budget      {card.burn} % of tries failed in the last {len(card.recent)} runs"
    yield f"  demotions   {card.demotions}{f', the last {card.demoted}' if card.demoted else ''}"
    yield f"  revocations {card.revocations}"
    yield f"  secrets     {_secrets(card)}"
    yield f"  evidence    {card.entries} entries, {card.first} to {card.last}; {_sound(verified)}"
    yield f"  under way   {len(card.current) or 'nothing'}"
    for run_ in card.current[-_SHOWN_MAX:]:
        yield f"              {plain(run_.workflow)}  since {run_.since}"
    yield from _following(card, following)


def _following(card: Card, following: Next) -> Iterator[str]:
    if not following.act:
        yield "  next        nothing: there is no higher tier"
        return
    flag = f" --to {following.to.name}" if following.act == PROMOTE else " --reason REASON"
    command = f"mandate {following.act} {plain(card.agent)}{flag}"
    yield f"  next        {command}" + (", once this is met:" if following.unmet else "")
    for why in following.unmet:
        yield f"              - {plain(why)}"
    if following.gate:
        yield f"              asks {plain(following.gate)}"


def _binding(card: Card) -> str:
    words = (("pipeline", card.pipeline), ("template", card.template), ("program", card.program))
    return ", ".join(f"{name} {plain(value)}" for name, value in words if value) or "nothing"


def _kinds(card: Card) -> str:
    told = ", ".join(f"{plain(kind)} {count}" for kind, count in sorted(card.kinds.items()))
    return f" ({told})" if told else ""


def _secrets(card: Card) -> str:
    told = ", ".join(map(plain, card.secrets)) or "none"
    return told + (f", and {card.secrets_left_out} more" if card.secrets_left_out else "")


def _sound(verified: bool) -> str:  # noqa: FBT001 - a word for it
    return "the ledger verifies" if verified else "the ledger does NOT verify"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in rows
    ]


def _file(data_dir: Path | None) -> Path | None:
    named = environment.present(data_dir).get("MANDATE_PROMOTION")
    return Path(named) if named else None


def _fail(error: IntegrationError | DslError) -> int:
    print(f"mandate: {error}", file=sys.stderr)
    return EXIT_USAGE if isinstance(error, DslError) else EXIT_FAILED
