"""Attempts of an activity as the lock tells them apart, on a real Valkey."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis
from temporalio.testing import ActivityEnvironment

from activities.phases.equipment import enter
from dsl.core import AgentPhase, Tier
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Lease, Leases
from tests.fixtures.dragonfly.holders import claimed, seeded


async def attempt(client: Redis, agent: str, *, number: int, after_s: int = 0) -> Lease:
    """Take the lease as an attempt of one activity that was begun so much later than the first."""
    tools: Any = SimpleNamespace(guards=AgentGuards(client), leases=Leases(client), high=None)
    request: Any = SimpleNamespace(
        agent=agent,
        project=f"project-of-{agent}",
        step=SimpleNamespace(concurrency=1, path="look", tier=Tier.T0),
        authority=SimpleNamespace(fence=0, epoch=0, revoked=False),
        seed=False,
    )
    info = ActivityEnvironment.default_info()
    begun = info.started_time + timedelta(seconds=after_s)
    environment = ActivityEnvironment()
    environment.info = replace(info, attempt=number, started_time=begun)
    lease: Lease = await environment.run(enter, tools, request, AgentPhase.EXECUTE)
    return lease


@pytest.mark.parametrize("number", [1, 2], ids=["reset by an operator", "a retry"])
async def test_a_later_attempt_waits_for_what_lives_by_the_lease_also_when_counted_from_one_again(
    dragonfly: Redis, number: int
) -> None:
    agent = await seeded(dragonfly)
    first = await Leases(dragonfly).bind(await attempt(dragonfly, agent, number=1))

    waiting = asyncio.create_task(attempt(dragonfly, agent, number=number, after_s=20))
    await claimed(dragonfly, agent)
    assert not waiting.done()
    await Leases(dragonfly).unbind(first)

    assert (await waiting).fence > first.fence


async def test_an_attempt_that_wakes_up_after_its_successor_gets_nothing(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    successor = await attempt(dragonfly, agent, number=2, after_s=20)

    with pytest.raises(LeaseLostError):
        await attempt(dragonfly, agent, number=1)

    await Leases(dragonfly).beat(successor)
