"""What could come next for an agent, as the ledger alone tells it, and what it lacks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl.core import Tier
from dsl.criteria import Criteria
from dsl.promotion import describe, load_criteria
from dsl.rules.trust.grant import PROMOTE, REINSTATE
from dsl.rules.trust.promotion import unmet, unmet_reinstatement
from dsl.rules.trust.scorecard import Card
from integrations.vault.identity.registry import TOKEN_LIFE_MAX_S


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
