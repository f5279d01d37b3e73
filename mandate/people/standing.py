"""What the ledger alone tells of agents: which was meant, what could come next, what it lacks."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl.core import Tier
from dsl.criteria import Criteria
from dsl.promotion import describe, load_criteria
from dsl.rules.trust.admission import as_named, is_inline
from dsl.rules.trust.grant import PROMOTE, REINSTATE
from dsl.rules.trust.promotion import unmet, unmet_reinstatement
from dsl.rules.trust.scorecard import Card
from dsl.values.suggestions import suggest
from integrations.errors import IntegrationError
from integrations.ledger import scores
from integrations.vault.identity.registry import TOKEN_LIFE_MAX_S
from mandate.stack.environment import ledger_of


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


def likely(agent: str, known: Collection[str]) -> str:
    """Return which agent was likely meant by an id that nobody has, else those there are.

    An agent of an inline pipeline is often named without what its id begins with.
    """
    whole = [each for each in sorted(known) if is_inline(each) and as_named(each) == agent]
    if len(whole) == 1:
        return f"did you mean {whole[0]!r}?"
    return suggest(agent, whole or known, what="agents")


def likely_at(agent: str, env: Mapping[str, str]) -> str:
    """Return the same by the ledger of the environment, and nothing where it cannot be read."""
    try:
        return likely(agent, scores.cards(ledger_of(env)))
    except IntegrationError:
        return ""


def criteria_of(env: Mapping[str, str]) -> Criteria:
    """Return the criteria of promotion that hold here.

    Raises:
        dsl.errors.DslError: their document is wrong.
    """
    named = env.get("MANDATE_PROMOTION")
    return load_criteria(Path(named) if named else None)


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
