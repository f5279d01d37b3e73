"""Vault and Dragonfly: do they answer, and are their clocks ours?

Neither takes a credential that could do something: Dragonfly's password, and nothing at Vault.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from redis.asyncio import Redis

from dsl.rules.health.clocks import SKEW_MS_MAX, skew_ms
from dsl.values.circuit_names import DRAGONFLY, VAULT
from integrations.dragonfly.client import answered, now_ms
from integrations.errors import UnavailableError
from integrations.health.probes.sighting import (
    EVERY_S,
    LIMIT_S,
    Figure,
    HealthProbe,
    Sighting,
    poor,
    well,
)
from integrations.vault.client import Vault

CLOCK: Final = "clock"
_SECOND_MS: Final = 1_000
_SYNC: Final = "have an NTP client set the clock of the machine that is off, see `timedatectl`"
WallClock = Callable[[], float]  # seconds since 1970


def dragonfly_probe(client: Redis) -> HealthProbe:
    """Look whether Dragonfly answers."""

    async def look() -> Sighting:
        async with answered(LIMIT_S):
            await client.ping()
        return well("answers")

    return HealthProbe(DRAGONFLY, look, can_die=True, every_s=EVERY_S)


def vault_probe(vault: Vault) -> HealthProbe:
    """Look whether Vault answers, is open and has a leader."""

    async def look() -> Sighting:
        await vault.require_alive()
        return well("answers, and is open")

    return HealthProbe(VAULT, look, can_die=True, every_s=EVERY_S)


def clock_probe(vault: Vault, client: Redis, clock: WallClock = time.time) -> HealthProbe:
    """Look how far the clocks of Vault and Dragonfly are off ours."""

    async def dragonfly_ms() -> int:
        async with answered(LIMIT_S):
            return await now_ms(client)

    async def look() -> Sighting:
        found = {
            DRAGONFLY: await _skew(dragonfly_ms, clock, grain_ms=1),
            VAULT: await _skew(vault.now_ms, clock, grain_ms=_SECOND_MS),
        }
        known = {name: each for name, each in found.items() if each is not None}
        figures = [
            Figure("mandate_clock_skew_seconds", each / _SECOND_MS, name)
            for name, each in known.items()
        ]
        off = {name: each for name, each in known.items() if abs(each) > SKEW_MS_MAX}
        if not known:
            raise UnavailableError("neither vault nor dragonfly tells the time")
        if off:
            said = ", ".join(f"{name} is {_words(each)}" for name, each in off.items())
            return poor(said, _SYNC, *figures)
        return well(f"{' and '.join(known)} and this machine agree", *figures)

    return HealthProbe(CLOCK, look)


async def _skew(
    ask: Callable[[], Awaitable[int]], clock: WallClock, *, grain_ms: int
) -> int | None:
    """Return how far a server's clock is off; None: it does not answer."""
    asked = int(clock() * _SECOND_MS)
    try:
        said = await ask()
    except UnavailableError:
        return None
    return skew_ms(asked, int(clock() * _SECOND_MS), said, grain_ms=grain_ms)


def _words(skew: int) -> str:
    return f"{abs(skew) / _SECOND_MS:.0f} s {'ahead' if skew > 0 else 'behind'}"
