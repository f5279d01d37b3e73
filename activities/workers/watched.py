"""The circuits of a phase worker, and how it is seen that what they stand before lives again."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from dsl.health.breakers import load_breakers
from dsl.values.circuit_names import ARTIFACTS, DRAGONFLY, VAULT
from integrations.artifacts.store import Artifacts
from integrations.dragonfly.circuits import Circuits
from integrations.dragonfly.client import answered
from integrations.health.breakers import Breakers
from integrations.health.looking import LOOK_LIMIT_S
from integrations.settings import Settings
from integrations.vault.client import Vault


def breakers_of(settings: Settings, dragonfly: Redis) -> Breakers:
    """Return circuits with the settings of the environment."""
    return Breakers(Circuits(dragonfly), load_breakers(settings.breakers))


def look_after(breakers: Breakers, dragonfly: Redis, vault: Vault, artifacts: Artifacts) -> None:
    """Have the systems looked at while their circuits are open."""

    async def ping() -> None:
        async with answered(LOOK_LIMIT_S):
            await dragonfly.ping()

    breakers.looks(VAULT, vault.require_alive)
    breakers.looks(DRAGONFLY, ping)
    breakers.looks(ARTIFACTS, lambda: asyncio.to_thread(artifacts.require_writable))
