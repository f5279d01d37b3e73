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
from integrations.errors import ColdError
from integrations.health.breakers import Breakers
from tests.fixtures.dragonfly.holders import claimed, new_name, seeded


async def attempt(
    client: Redis,
    agent: str,
    *,
    number: int = 1,
    after_s: int = 0,
    clock_ahead_s: int | None = None,
    answered_before_s: int | None = None,
) -> Lease:
    """Take the lease as an attempt of one activity that was begun so much later than the first.

    ``clock_ahead_s``: as a local activity, on a worker whose clock is so much ahead.
    ``answered_before_s``: with what the ledger has said so long before.
    """
    stores = {"guards": AgentGuards(client), "leases": Leases(client), "breakers": Breakers()}
    tools: Any = SimpleNamespace(**stores, high=None)
    request: Any = SimpleNamespace(
        agent=agent,
        project=f"project-of-{agent}",
        step=SimpleNamespace(
            concurrency=1,
            error_budget=None,
            path="look",
            tier=Tier.T0,
            phases=(AgentPhase.EXECUTE,),
            runtime=None,
        ),
        authority=SimpleNamespace(fence=0, epoch=0, revoked=False),
        seed=answered_before_s is not None,
    )
    info = ActivityEnvironment.default_info()
    begun = info.started_time + timedelta(seconds=after_s)
    request.begun_ms = int(begun.timestamp() * 1000)
    request.authority.at_ms = request.begun_ms - 1000 * (answered_before_s or 0)
    environment = ActivityEnvironment()
    environment.info = replace(
        info,
        attempt=number,
        started_time=begun + timedelta(seconds=clock_ahead_s or 0),
        is_local=clock_ahead_s is not None,
    )
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


async def test_a_local_attempt_is_as_old_as_its_workflow_task_whatever_its_workers_clock_says(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    local = await attempt(dragonfly, agent, clock_ahead_s=3_600)

    regular = await attempt(dragonfly, agent, after_s=1)

    assert regular.fence > local.fence


@pytest.mark.parametrize("clock_ahead_s", [None, 0], ids=["regular", "local"])
async def test_a_cold_guard_is_seeded_with_a_fresh_answer_of_the_ledger_only(
    dragonfly: Redis, clock_ahead_s: int | None
) -> None:
    stale, fresh = new_name("agent"), new_name("agent")

    with pytest.raises(ColdError):
        await attempt(dragonfly, stale, clock_ahead_s=clock_ahead_s, answered_before_s=60)
    await attempt(dragonfly, fresh, clock_ahead_s=clock_ahead_s, answered_before_s=1)
