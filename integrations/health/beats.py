"""Who of all agents beats, and since when nobody has heard of the others.

Leases write it with every beat of a lease that a process lives by (``scripts/beat.lua``), and take
it back when that process has ended. The rules:

1. Ages are by the server's clock, which wrote the times as well.
2. Whoever is silent for longer than ``TOLD_MS`` is dropped: nothing comes after that, see
   ``dsl.rules.health.beats``.
3. Names are fetched of a few only. How many there are is counted where they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.limits import LEASE_TTL_MS
from dsl.rules.health.beats import MISSED_MS, TOLD_MS
from integrations.dragonfly.client import answered, now_ms

_NAMED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class BeatReading:
    """How many agents beat, and some of their names."""

    alive: int
    suspect: int
    dead: int
    silent: tuple[str, ...]  # those that are dead, the longest silent first


class Beats:
    """Reads the beats of all agents."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def read(self, limit_s: float) -> BeatReading:
        """Count them, at one instant.

        Raises:
            UnavailableError: no answer.
        """
        async with answered(limit_s):
            now = await now_ms(self._client)
            dead, missed = now - LEASE_TTL_MS, now - MISSED_MS
            pipe = self._client.pipeline(transaction=True)
            await pipe.zremrangebyscore(RedisKeys.BEATS, "-inf", now - TOLD_MS)  # (2) nothing comes
            await pipe.zcard(RedisKeys.BEATS)
            await pipe.zcount(RedisKeys.BEATS, "-inf", f"({missed}")
            await pipe.zcount(RedisKeys.BEATS, "-inf", f"({dead}")
            await pipe.zrange(  # (3) of a few only
                RedisKeys.BEATS, "-inf", f"({dead}", byscore=True, offset=0, num=_NAMED_MAX
            )
            _, known, late, gone, names = await pipe.execute()
        return BeatReading(
            alive=known - late, suspect=late - gone, dead=gone, silent=tuple(map(str, names))
        )

    async def owners(self, most: int, limit_s: float) -> Sequence[tuple[str, str]]:
        """Return some that beat, another few each time, with the owners of their locks."""
        async with answered(limit_s):
            known = int(await self._client.zcard(RedisKeys.BEATS))
            first = secrets.randbelow(max(1, known - most + 1))
            names = await self._client.zrange(RedisKeys.BEATS, first, first + most - 1)
            pipe = self._client.pipeline(transaction=False)
            for name in names:
                await pipe.hget(RedisKeys.agent_lock(str(name)), "owner")
            found = await pipe.execute() if names else []
        return [(str(name), str(owner)) for name, owner in zip(names, found, strict=True) if owner]
