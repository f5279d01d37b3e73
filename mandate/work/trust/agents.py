"""``mandate agents`` and ``mandate agent show``: what the ledger says of agents, and what is next.

From the ledger's file alone, also while its writer runs: no server is asked. So the tier is the
one on the ledger; a promotion compares it with Vault's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dsl.errors import DslError
from dsl.rules.health.budget import BudgetReading
from dsl.rules.trust.grant import PROMOTE
from dsl.rules.trust.scorecard import Card
from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.ledger import scores, verify
from integrations.ledger.events import budgets
from integrations.trial import WHY
from mandate._entry import EXIT_USAGE
from mandate.columns import columns
from mandate.people.errors import exit_code_of
from mandate.people.standing import Next, criteria_of, likely, next_of
from mandate.stack import environment
from mandate.terminal import complain, note, say, say_json

_HEAD: Final = ("TIER", "SINCE", "ROW", "RUNS", "VIOL", "BURN", "NOW", "NEXT", "AGENT")
_DAY: Final = 10  # characters of a date
_SHOWN_MAX: Final = 10  # runs and violations, of each the last


def run(ledger: Path, *, as_json: bool, data_dir: Path | None) -> int:
    """Print every agent the ledger knows; none is no failure."""
    try:
        criteria = criteria_of(environment.present(data_dir))
        known = sorted(scores.cards(ledger).items())
    except (IntegrationError, DslError) as error:
        return _fail(error)
    cards = [card for _, card in known]
    if as_json:
        for card in cards:
            following = next_of(criteria, card, verified=True)
            say_json({**card.as_json(), "next": following.as_json()})
    elif not cards:
        say(Terminal("no agent is known: the first run of one makes it known"))
    else:
        rows = [row(card, next_of(criteria, card, verified=True)) for card in cards]
        say(*columns([_HEAD, *rows]))
    return 0


def show(agent: str, ledger: Path, *, as_json: bool, data_dir: Path | None) -> int:
    """Print one agent; its evidence is verified, so a large ledger takes a while."""
    try:
        criteria = criteria_of(environment.present(data_dir))
        known = scores.cards(ledger)
        card = known.get(agent)
        if card is None:
            hint = likely(agent, known) or "none has run yet"
            words = (ledger, agent, hint)
            note(Terminal.of("mandate agent show: the ledger {} knows no agent {!r}; {}", *words))
            return EXIT_USAGE
        verified = not verify.verify(ledger).problems
        budget = budgets.budget_of(ledger, agent, int(time.time() * 1000))
    except (IntegrationError, DslError) as error:
        return _fail(error)
    following = next_of(criteria, card, verified=verified)
    if as_json:
        told = {**card.as_json(), "verified": verified, "next": following.as_json()}
        say_json({**told, "error_budget": budget.as_json() if budget else None})
    else:
        say(*lines(card, following, budget, verified=verified))
    return 0


def row(card: Card, following: Next) -> tuple[str, ...]:
    """Return the agent as a row of the table."""
    return (
        _tier(card),
        card.since[:_DAY],
        str(card.in_a_row),
        f"{card.compliant}/{card.ended}",
        str(card.violations),
        f"{card.burn}%",
        str(len(card.current)),
        following.brief(),
        card.agent,  # in full, and so at the end: it is what the next command takes
    )


def lines(
    card: Card, following: Next, errors: BudgetReading | None = None, *, verified: bool
) -> Iterator[Terminal]:
    """Yield what a person reads of one agent."""
    yield Terminal.of("{}", card.agent)
    revoked = Terminal(", REVOKED") if card.revoked else Terminal()
    tier = (card.tier.name, card.tier.title, card.since, revoked)
    yield Terminal.of("  tier        {} ({}) since {}{}", *tier)
    if card.trial:
        yield Terminal.of("  TRIAL       {}", WHY)
    yield Terminal.of("  bound to    {}", _binding(card))
    yield Terminal.of(
        "  runs        {} ended, {} compliant, {} of them in a row at {}",
        *(card.ended, card.compliant, card.in_a_row, card.tier.name),
    )
    yield Terminal.of("  violations  {}{}", card.violations, _kinds(card))
    for each in card.breaches[-_SHOWN_MAX:]:
        breach = (each.ts, each.kind, each.consequence, each.seq)
        yield Terminal.of("              {}  {}, {}, entry {}", *breach)
    budget = (card.burn, len(card.recent))
    yield Terminal.of("  budget      {} % of tries failed in the last {} runs", *budget)
    yield Terminal.of("  errors      {}", errors.burning() if errors else "no budget declared")
    last = Terminal.of(", the last {}", card.demoted) if card.demoted else ""
    yield Terminal.of("  demotions   {}{}", card.demotions, last)
    yield Terminal.of("  revocations {}", card.revocations)
    yield Terminal.of("  secrets     {}", _secrets(card))
    evidence = (card.entries, card.first, card.last, _sound(verified))
    yield Terminal.of("  evidence    {} entries, {} to {}; {}", *evidence)
    yield Terminal.of("  under way   {}", len(card.current) or "nothing")
    for run_ in card.current[-_SHOWN_MAX:]:
        yield Terminal.of("              {}  since {}", run_.workflow, run_.since)
    yield from _following(card, following)


def _following(card: Card, following: Next) -> Iterator[Terminal]:
    if not following.act:
        yield Terminal("  next        nothing: there is no higher tier")
        return
    if following.act == PROMOTE:
        command = Terminal.command("mandate promote {} --to {}", card.agent, following.to.name)
    else:
        command = Terminal.command("mandate reinstate {} --reason REASON", card.agent)
    yield Terminal.of(
        "  next        {}{}", command, ", once this is met:" if following.unmet else ""
    )
    for why in following.unmet:
        yield Terminal.of("              - {}", why)
    if following.gate:
        yield Terminal.of("              asks {}", following.gate)


def _tier(card: Card) -> str:
    if card.revoked:
        return "revoked"
    return f"{card.tier.name} (trial)" if card.trial else card.tier.name


def _binding(card: Card) -> Terminal:
    words = (("pipeline", card.pipeline), ("template", card.template), ("program", card.program))
    told = (Terminal.of("{} {}", name, value) for name, value in words if value)
    return Terminal.joined(", ", told) or Terminal("nothing")


def _kinds(card: Card) -> Terminal:
    told = [Terminal.of("{} {}", kind, count) for kind, count in sorted(card.kinds.items())]
    return Terminal.of(" ({})", Terminal.joined(", ", told)) if told else Terminal()


def _secrets(card: Card) -> Terminal:
    told = Terminal.listed(card.secrets) or Terminal("none")
    more = card.secrets_left_out
    return Terminal.of("{}, and {} more", told, more) if more else told


def _sound(verified: bool) -> str:  # noqa: FBT001 - a word for it
    return "the ledger verifies" if verified else "the ledger does NOT verify"


def _fail(error: IntegrationError | DslError) -> int:
    complain(error, "mandate")
    return EXIT_USAGE if isinstance(error, DslError) else exit_code_of(error)
