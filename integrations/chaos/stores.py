"""What can be lost in a Dragonfly of ours: everything, or one agent's lock."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.chaos.fault import Fault
from integrations.chaos.own import OwnTarget
from integrations.chaos.processes import Standstill
from integrations.dragonfly.client import answered

_CANARY: Final = "chaos:canary"
_LOCKS: Final = RedisKeys.agent_lock("*")
_KEYS_AT_ONCE: Final = 1_000
_NOW_MS: Final = 1


class StateLoss(Fault):
    """Everything is gone at once, as after a restart without a disk."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def strike(self) -> None:
        """Empty it; a key of ours goes with the rest."""
        async with answered():
            await self._client.set(_CANARY, "1")
            await self._client.flushall()

    async def fired(self) -> bool:
        """Tell whether that key is gone."""
        async with answered():
            return not await self._client.exists(_CANARY)


class Awakened(Standstill):
    """A holder stands still and loses every lease meanwhile: it wakes up with stale fences."""

    def __init__(self, target: OwnTarget, client: Redis) -> None:
        super().__init__(target)
        self._client = client
        self._lost = 0

    async def strike(self) -> None:
        """Stop it; when it does not move any more, take its leases."""
        await super().strike()
        if await super().fired():
            async with answered():
                keys = [key async for key in self._client.scan_iter(_LOCKS, _KEYS_AT_ONCE)]
                self._lost = await self._client.delete(*keys) if keys else 0

    async def fired(self) -> bool:
        """Tell whether it stood still and had something to lose."""
        return await super().fired() and self._lost > 0


class LockLoss(Fault):
    """The lock of one holder is not there any more, though it lives by it."""

    def __init__(self, client: Redis, holder: str, *, runs_out: bool = False) -> None:
        """``runs_out``: by its time to live, else at once."""
        self._client = client
        self._key = RedisKeys.agent_lock(holder)
        self._runs_out = runs_out
        self._had_it = False

    async def strike(self) -> None:
        """Take it away."""
        async with answered():
            if self._runs_out:
                self._had_it = bool(await self._client.pexpire(self._key, _NOW_MS))
                await asyncio.sleep(2 * _NOW_MS / 1000)
            else:
                self._had_it = bool(await self._client.delete(self._key))

    async def fired(self) -> bool:
        """Tell whether there was a lock to lose."""
        return self._had_it
