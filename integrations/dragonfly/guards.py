"""The guard of an agent: the cold marker, the fencing counter and the trust epoch.

Dragonfly is a cache of authority, never the authority. The rules:

1. Without a guard nothing is granted, renewed or written: an emptied server grants nothing.
2. A guard is seeded from the ledger only, and merges by maximum: an older answer of the
   ledger lowers no fence and lifts no revocation.
3. A guard never expires; only an emptied server has none.
"""

from __future__ import annotations

from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.client import answered
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.lua import script
from integrations.errors import CorruptError


class AgentGuards:
    """Seeds and reads guards; ``agent`` is the identity, never an instance."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._seed = script(client, "seed")

    async def seed(self, agent: str, authority: GuardSeed) -> None:
        """Bring the guard up to what the ledger says; harmless when repeated (2)."""
        async with answered():
            await self._seed(
                keys=[RedisKeys.agent_guard(agent)],
                args=[authority.fence, authority.epoch, int(authority.revoked)],
            )

    async def read(self, agent: str) -> GuardSeed | None:
        """Return what the guard says now, None when cold (1)."""
        async with answered():
            guard = await self._client.hgetall(RedisKeys.agent_guard(agent))
        if not guard:
            return None
        try:
            return GuardSeed(
                fence=int(guard["fence"]),
                epoch=int(guard["epoch"]),
                revoked=guard["revoked"] != "0",
            )
        except (KeyError, ValueError) as error:
            raise CorruptError(f"guard of agent {agent!r} is unreadable ({error!r})") from error
