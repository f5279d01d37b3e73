"""Circuits that somebody has ordered open: what needs them does not begin, and no other look tells.

1. An order is no failure of what it is about, which may be well: it is never dead. All that begins
   waits all the same until somebody resets it, so it needs somebody.
2. A circuit that has opened by itself closes by itself, and what it is about is looked at under its
   own name: that is no finding here.
"""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from dsl.rules.health.breaker import CircuitState
from dsl.shown.foreign import legible
from dsl.values.circuit_names import OWN_CIRCUITS
from integrations.dragonfly.circuits import Circuits
from integrations.health.probes.sighting import HealthProbe, Sighting, poor, well

CIRCUITS: Final = "circuits"
_FIX: Final = "`mandate breaker list` says whose; `mandate breaker reset NAME --reason WHY` ends it"
_NAMED_MAX: Final = 5


def circuits_probe(client: Redis) -> HealthProbe:
    """Look which circuits are kept open by an order."""
    circuits = Circuits(client)

    async def look() -> Sighting:
        names = sorted({*OWN_CIRCUITS, *await circuits.names()})
        states = await circuits.states(names)
        held = [name for name, state in states.items() if state == CircuitState.FORCED_OPEN]
        if not held:
            return well("none is held open by an order")  # (2) no finding
        more = f" and {len(held) - _NAMED_MAX} more" if len(held) > _NAMED_MAX else ""
        named = ", ".join(map(legible, held[:_NAMED_MAX]))
        # (1) it needs somebody
        return poor(f"held open by an order: {named}{more}; what needs it waits", _FIX)

    return HealthProbe(CIRCUITS, look)
