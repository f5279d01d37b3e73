"""Agents, leases and names for these tests; every name is new, so that tests share a server."""

from __future__ import annotations

import uuid
from typing import Any

from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Lease, Leases
from tests.integration.stack.probes import eventually

TRUSTED = GuardSeed(fence=0, epoch=0, revoked=False)
TTL_MS = 5_000


def new_name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


async def seeded(client: Redis, authority: GuardSeed = TRUSTED) -> str:
    """Return a new agent that has a guard."""
    agent = new_name("agent")
    await AgentGuards(client).seed(agent, authority)
    return agent


async def take(client: Redis, agent: str, **changes: Any) -> Lease:
    """Acquire the agent's own lock as one run's first attempt, but for ``changes``."""
    terms: dict[str, Any] = {
        "agent": agent,
        "holder": agent,
        "owner": "run-1",
        "nonce": "attempt-1",
        "begun_ms": 1,
        "authority": TRUSTED,
        "project": f"project-of-{agent}",
        "ttl_ms": TTL_MS,
    }
    return await Leases(client).acquire(**(terms | changes))


async def claimed(client: Redis, holder: str) -> None:
    """Wait until the owner's next attempt has claimed the lock of ``holder``."""

    async def is_claimed() -> bool:
        return bool(await client.hexists(RedisKeys.agent_lock(holder), "claim"))

    await eventually(is_claimed)


async def announced(client: Redis, agent: str) -> list[tuple[str, str, str]]:
    """Return epoch, revoked and reason of every revocation announced for the agent."""
    entries: Any = await client.xrange(RedisKeys.REVOCATIONS)
    return [
        (said["epoch"], said["revoked"], said["reason"])
        for _, said in entries
        if said["agent"] == agent
    ]
