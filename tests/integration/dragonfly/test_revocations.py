"""What a revocation stops, and what it cannot undo, on a real Valkey."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.limits import REASON_LENGTH_MAX
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.revocations import Revocations
from integrations.dragonfly.states import States
from integrations.errors import ColdError, RevokedError
from tests.fixtures.dragonfly.holders import announced, new_name, seeded, take


async def test_a_revoked_agent_neither_renews_nor_takes_a_lease(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    own = await take(dragonfly, agent)
    instance = await take(dragonfly, agent, holder=f"{agent}~1", owner="run-2")

    assert await Revocations(dragonfly).revoke(agent, 7, "leaked a secret")

    for lease in (own, instance):
        with pytest.raises(RevokedError):
            await Leases(dragonfly).beat(lease)
    with pytest.raises(RevokedError):
        await take(dragonfly, agent, holder=f"{agent}~2", owner="run-3")
    assert not await dragonfly.exists(RedisKeys.agent_lock(agent))


async def test_a_revocation_of_the_very_epoch_of_a_lease_stops_it_too(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    lease = await take(dragonfly, agent, holder=f"{agent}~1")

    assert await Revocations(dragonfly).revoke(agent, lease.epoch, "because")

    with pytest.raises(RevokedError):
        await Leases(dragonfly).beat(lease)
    with pytest.raises(RevokedError):
        await States(dragonfly).write(lease, op_id="1", fields={})
    with pytest.raises(RevokedError):
        await take(dragonfly, agent, holder=f"{agent}~1", nonce="attempt-2")


async def test_a_revocation_repeated_is_announced_once(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)

    results = [await Revocations(dragonfly).revoke(agent, 7, "because") for _ in range(3)]

    assert results == [True, False, False]
    assert await announced(dragonfly, agent) == [("7", "1", "because")]


async def test_a_late_revocation_of_an_older_epoch_changes_nothing(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly, GuardSeed(fence=0, epoch=9, revoked=False))

    assert not await Revocations(dragonfly).revoke(agent, 8, "late")

    assert await AgentGuards(dragonfly).read(agent) == GuardSeed(0, 9, revoked=False)


async def test_a_cold_agent_can_be_revoked_and_seeding_does_not_undo_it(dragonfly: Redis) -> None:
    agent = new_name("agent")

    await Revocations(dragonfly).revoke(agent, 7, "because")
    with pytest.raises(RevokedError):
        await take(dragonfly, agent)
    await AgentGuards(dragonfly).seed(agent, GuardSeed(fence=40, epoch=0, revoked=False))

    assert await AgentGuards(dragonfly).read(agent) == GuardSeed(40, 7, revoked=True)


async def test_a_lifted_revocation_lets_the_agent_in_again_under_the_new_epoch(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    old = await take(dragonfly, agent, holder=f"{agent}~1")
    await Revocations(dragonfly).revoke(agent, 7, "because")

    assert await Revocations(dragonfly).lift(agent, 8, "cleared")

    with pytest.raises(RevokedError):
        await Leases(dragonfly).beat(old)
    new = await take(dragonfly, agent, nonce="2", authority=GuardSeed(0, 8, revoked=False))
    assert new.fence > old.fence


async def test_a_tie_does_not_lift_a_revocation(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    await Revocations(dragonfly).revoke(agent, 7, "because")

    assert not await Revocations(dragonfly).lift(agent, 7, "same moment")

    assert await AgentGuards(dragonfly).read(agent) == GuardSeed(0, 7, revoked=True)


async def test_nothing_is_lifted_for_a_cold_agent(dragonfly: Redis) -> None:
    agent = new_name("agent")

    with pytest.raises(ColdError):
        await Revocations(dragonfly).lift(agent, 7, "cleared")

    assert await AgentGuards(dragonfly).read(agent) is None


async def test_a_revocation_is_heard_by_whoever_listens(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    async with dragonfly.pubsub() as listener:
        await listener.subscribe(RedisKeys.REVOCATIONS)
        await listener.get_message(timeout=60)

        await Revocations(dragonfly).revoke(agent, 7, "because")

        heard = await listener.get_message(ignore_subscribe_messages=True, timeout=60)
    assert heard
    assert heard["data"] == f"{agent} 7 1"


async def test_a_brake_does_not_fail_over_the_length_of_its_reason(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)

    await Revocations(dragonfly).revoke(agent, 7, "x" * 1_000_000)

    assert await announced(dragonfly, agent) == [("7", "1", "x" * REASON_LENGTH_MAX)]
