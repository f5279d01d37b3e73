"""Revocations: the fastest of the brakes, never the record of it.

The rules:

1. The epoch comes from the authority (the revocation's own start, in milliseconds) and is
   never counted here; a lower epoch changes nothing, and a revocation wins a tie.
2. A revocation needs no guard: it makes one. Lifting one does.
3. The identity's lock is taken away at once. Leases of its instances stay until they run
   out, but renew and write nothing: every script asks the guard first.
4. What is announced only saves time; the guarantee is (3).
"""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.limits import REASON_LENGTH_MAX
from integrations.dragonfly.client import answered
from integrations.dragonfly.lua import Answer, require_authority, script

_REVOKED: Final = "1"
_LIFTED: Final = "0"


class Revocations:
    """Revokes agents by identity; idempotent by agent and epoch."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._revoke = script(client, "revoke")

    async def revoke(self, agent: str, epoch: int, reason: str) -> bool:
        """Revoke; False when the guard already says so or knows a later epoch (1)."""
        return await self._write(agent, epoch, _REVOKED, reason)

    async def lift(self, agent: str, epoch: int, reason: str) -> bool:
        """Lift a revocation; False unless ``epoch`` is later than the guard's (1).

        Raises:
            ColdError: the agent has no guard (2).
        """
        return await self._write(agent, epoch, _LIFTED, reason)

    async def is_locked(self, agent: str) -> bool:
        """Tell whether somebody holds the identity's lock (3)."""
        async with answered():
            return bool(await self._client.exists(RedisKeys.agent_lock(agent)))

    async def _write(self, agent: str, epoch: int, revoked: str, reason: str) -> bool:
        async with answered():
            code, _ = await self._revoke(
                keys=[
                    RedisKeys.agent_guard(agent),
                    RedisKeys.agent_lock(agent),
                    RedisKeys.REVOCATIONS,
                ],
                # A brake does not fail over the length of its reason.
                args=[agent, epoch, revoked, reason[:REASON_LENGTH_MAX], RedisKeys.REVOCATIONS],
            )
        require_authority(code, agent)
        return bool(code == Answer.DONE)
