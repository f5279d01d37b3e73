"""Circuits that somebody has ordered open: what needs them does not begin, and no other look tells.

1. An order is no failure of what it is about, which may be well: it is never dead. All that begins
   waits all the same until somebody resets it, so it needs somebody.
2. A circuit that has opened by itself closes by itself, and what it is about is looked at under its
   own name: that is no finding here.
3. Whoever is to end it has to know whom to ask: who ordered it, when and why is said of each, as
   far as the ledger is at hand. Their words are made legible, and short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from dsl.shown.foreign import legible
from dsl.values.circuit_names import OWN_CIRCUITS
from integrations.dragonfly.circuits import Circuits
from integrations.health.circuit_orders import order_of
from integrations.health.probes.sighting import HealthProbe, Sighting, poor, well

CIRCUITS: Final = "circuits"
_FIX: Final = "`mandate breaker reset NAME --reason WHY` ends it"
_NAMED_MAX: Final = 5
_WORDS_MAX: Final = 160  # characters of whose order it is, and why


def circuits_probe(client: Redis, ledger: Path) -> HealthProbe:
    """Look which circuits are kept open by an order, and by whose."""
    circuits = Circuits(client)

    async def look() -> Sighting:
        names = sorted({*OWN_CIRCUITS, *await circuits.names()})
        held = await circuits.held_open(names)
        if not held:
            return well("none is held open by an order")  # (2) no finding
        told = await asyncio.to_thread(_told, ledger, held)
        return poor(f"held open: {told}; what needs it waits", _FIX)  # (1) it needs somebody

    return HealthProbe(CIRCUITS, look)


def _told(ledger: Path, held: Mapping[str, int]) -> str:
    """Return each circuit with whose order it is (3)."""
    more = f"; and {len(held) - _NAMED_MAX} more" if len(held) > _NAMED_MAX else ""
    named = (_order(ledger, *each) for each in list(held.items())[:_NAMED_MAX])
    return "; ".join(named) + more


def _order(ledger: Path, name: str, given_ms: int) -> str:
    since = datetime.fromtimestamp(given_ms / 1000, UTC).isoformat(timespec="seconds")
    _, words = order_of(ledger, name, given_ms)
    return f"{legible(name)} since {since}, {legible(words, _WORDS_MAX)}"
