"""What the guard of a closed circuit costs, before a real store."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dsl.values.circuit_names import ARTIFACTS, VAULT
from integrations.dragonfly.circuits import CircuitReading, CircuitReport, Circuits
from integrations.dragonfly.client import connect
from integrations.health.breakers import Breakers

SECONDS: Final = 5.0


class _Counted(Circuits):
    """The circuits of a store, and how often it was asked."""

    asked = 0

    async def report(
        self, reports: Sequence[CircuitReport], limit_s: float = 1.0
    ) -> list[CircuitReading]:
        self.asked += 1
        return await super().report(reports, limit_s)


async def guard_figures(env: Mapping[str, str]) -> dict[str, float]:
    """Let work through and watch its calls for some seconds, one after another."""
    client = connect(env["MANDATE_DRAGONFLY_URL"], Path(env["MANDATE_DRAGONFLY_PASSWORD_FILE"]))
    store = _Counted(client)
    breakers = Breakers(store)
    times = []
    async with breakers.running():
        vault = breakers.of(VAULT)
        begun = time.perf_counter()
        while time.perf_counter() < begun + SECONDS:
            asked = time.perf_counter()
            async with breakers.let_through((ARTIFACTS, VAULT)):
                with vault.watching():
                    pass
            times.append((time.perf_counter() - asked) * 1000)
        seconds = time.perf_counter() - begun
    await client.aclose()
    return {
        "guard_p50_ms": statistics.median(times),
        "guard_p99_ms": sorted(times)[int(len(times) * 0.99)],
        "asks_per_s": store.asked / seconds,
    }
