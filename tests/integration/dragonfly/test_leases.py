"""Who may hold a lock, on a real Valkey."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.clock import boottime
from integrations.dragonfly import leases as leasing
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.leases import KEEP_MS, Leases
from integrations.dragonfly.states import States
from integrations.errors import ConflictError, RevokedError
from tests.fixtures.dragonfly.holders import claimed, new_name, seeded, take


async def test_under_contention_one_owner_is_inside_at_a_time_and_fences_only_rise(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    inside: list[str] = []
    fences: list[int] = []

    async def work(owner: str) -> None:
        for turn in range(8):
            while True:
                try:
                    lease = await take(dragonfly, agent, owner=owner, nonce=str(turn))
                    break
                except ConflictError:
                    await asyncio.sleep(0.001)
            inside.append(owner)
            fences.append(lease.fence)
            await asyncio.sleep(0)
            assert inside == [owner]
            inside.clear()
            assert await Leases(dragonfly).release(lease)

    await asyncio.gather(*(work(f"run-{number}") for number in range(8)))

    assert len(fences) == 64
    assert fences == sorted(set(fences))


async def test_the_same_attempt_asking_again_gets_the_same_fence(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)

    first = await take(dragonfly, agent)
    second = await take(dragonfly, agent)

    assert second.fence == first.fence
    assert second.deadline > first.deadline


async def test_the_next_attempt_takes_over_and_fences_its_predecessor_out(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    zombie = await take(dragonfly, agent, nonce="attempt-1")

    heir = await take(dragonfly, agent, nonce="attempt-2")

    assert heir.fence > zombie.fence
    with pytest.raises(LeaseLostError):
        await Leases(dragonfly).beat(zombie)
    with pytest.raises(LeaseLostError):
        await States(dragonfly).write(zombie, op_id="late", fields={"phase": "PLAN"})
    assert not await Leases(dragonfly).release(zombie)
    await Leases(dragonfly).beat(heir)


async def test_what_a_process_lives_by_is_claimed_and_taken_over_when_that_has_ended(
    dragonfly: Redis,
) -> None:
    agent, leases = await seeded(dragonfly), Leases(dragonfly)
    bound = await leases.bind(await take(dragonfly, agent, nonce="attempt-1"))

    claiming = asyncio.create_task(take(dragonfly, agent, nonce="attempt-2", begun_ms=2))
    await claimed(dragonfly, agent)
    with pytest.raises(LeaseLostError):  # renewed no more: its process is stopped
        await leases.beat(bound)
    assert not claiming.done()
    await leases.unbind(bound)

    assert (await claiming).fence > bound.fence


async def test_what_a_process_lives_by_is_taken_over_only_when_it_has_run_out(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    taken = await take(dragonfly, agent)
    gone = await Leases(dragonfly).bind(replace(taken, ttl_ms=400))

    heir = await take(dragonfly, agent, nonce="attempt-2", begun_ms=2)

    assert gone.left_s < 0
    assert heir.fence > gone.fence


async def test_no_other_owner_claims_what_a_process_lives_by(dragonfly: Redis) -> None:
    agent, leases = await seeded(dragonfly), Leases(dragonfly)
    bound = await leases.bind(await take(dragonfly, agent, owner="run-1"))

    with pytest.raises(ConflictError, match="held by 'run-1'"):
        await take(dragonfly, agent, owner="run-2", begun_ms=2)

    await leases.beat(bound)


@pytest.mark.parametrize("state", ["held", "claimed"])
async def test_an_attempt_that_was_overtaken_gets_nothing(dragonfly: Redis, state: str) -> None:
    """A worker that stood still wakes up while it asks for the lease, and asks again."""
    agent, leases = await seeded(dragonfly), Leases(dragonfly)
    first = await leases.bind(await take(dragonfly, agent, nonce="1", begun_ms=1))
    heir = asyncio.create_task(take(dragonfly, agent, nonce="3", begun_ms=3))
    await claimed(dragonfly, agent)
    if state == "held":
        await leases.unbind(first)
        await leases.bind(await heir)

    for nonce, begun_ms in (("1", 1), ("2", 2)):
        with pytest.raises(LeaseLostError, match="a later attempt of 'run-1'"):
            await take(dragonfly, agent, nonce=nonce, begun_ms=begun_ms)

    await leases.unbind(first)
    await leases.beat(await heir)


async def test_whoever_claims_gives_up_on_a_server_that_lets_nothing_run_out(
    dragonfly: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await seeded(dragonfly)
    await Leases(dragonfly).bind(await take(dragonfly, agent))
    await dragonfly.persist(RedisKeys.agent_lock(agent))
    monkeypatch.setattr(leasing, "CLAIM_GRACE_S", 0.1)

    with pytest.raises(ConflictError):
        await take(dragonfly, agent, nonce="attempt-2", begun_ms=2)


async def test_another_owner_is_told_who_holds_the_lock_and_for_how_long(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    await take(dragonfly, agent, owner="release-42/run-7")

    with pytest.raises(ConflictError, match=r"held by 'release-42/run-7' for another \d{4} ms"):
        await take(dragonfly, agent, owner="release-43/run-8")


async def test_a_lease_that_ran_out_goes_to_the_next_who_asks(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    gone = await take(dragonfly, agent, owner="run-1", ttl_ms=30)
    await asyncio.sleep(0.05)

    heir = await take(dragonfly, agent, owner="run-2")

    assert heir.fence > gone.fence
    assert gone.left_s < 0
    with pytest.raises(LeaseLostError):
        await Leases(dragonfly).beat(gone)


async def test_a_released_lock_is_free_at_once_and_releasing_again_is_harmless(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    lease = await take(dragonfly, agent, owner="run-1")

    assert await Leases(dragonfly).release(lease)
    assert not await Leases(dragonfly).release(lease)

    await take(dragonfly, agent, owner="run-2")
    assert not await Leases(dragonfly).release(lease)
    with pytest.raises(ConflictError):
        await take(dragonfly, agent, owner="run-3")


async def test_instances_of_one_agent_hold_their_own_locks_under_fences_of_one_counter(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)

    leases = [
        await take(dragonfly, agent, holder=f"{agent}~{number}", owner=f"run-{number}")
        for number in range(5)
    ]

    fences = [lease.fence for lease in leases]
    assert fences == sorted(set(fences))
    for lease in leases:
        await Leases(dragonfly).beat(lease)


async def test_a_fence_is_above_the_floor_that_the_ledger_names(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    floor = 1 << 50  # far above the clock in milliseconds

    lease = await take(dragonfly, agent, authority=GuardSeed(floor, 0, revoked=False))
    heir = await take(dragonfly, agent, nonce="attempt-2")

    assert lease.fence == floor + 1
    assert heir.fence == floor + 2


async def test_a_revoked_authority_is_refused_even_where_the_guard_has_lost_it(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)

    with pytest.raises(RevokedError, match=agent):
        await take(dragonfly, agent, authority=GuardSeed(0, 0, revoked=True))


async def test_an_authority_older_than_the_guard_is_refused(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly, GuardSeed(fence=0, epoch=10, revoked=False))

    with pytest.raises(RevokedError):
        await take(dragonfly, agent, authority=GuardSeed(0, 9, revoked=False))
    await take(dragonfly, agent, authority=GuardSeed(0, 10, revoked=False))


async def test_a_beat_moves_the_deadline_on_our_own_clock(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    lease = await take(dragonfly, agent)
    asked = boottime()

    renewed = await Leases(dragonfly).beat(lease)

    assert asked <= renewed.deadline - lease.ttl_ms / 1000 <= boottime()
    assert renewed.fence == lease.fence


async def test_a_holder_is_a_member_of_its_project_until_it_gives_the_lock_back(
    dragonfly: Redis,
) -> None:
    agent, project = await seeded(dragonfly), new_name("project")
    lease = await take(dragonfly, agent, project=project)
    await States(dragonfly).write(lease, op_id="1", fields={}, ready="v1")
    keys = (
        RedisKeys.project_agents(project),
        RedisKeys.project_heartbeats(project),
        RedisKeys.project_ready(project),
    )

    assert await dragonfly.exists(*keys) == 3
    for key in keys:
        assert 0 < await dragonfly.pttl(key) <= KEEP_MS

    await Leases(dragonfly).release(lease)
    assert await dragonfly.exists(*keys) == 0


async def test_giving_back_a_lease_that_ran_out_still_leaves_the_project(dragonfly: Redis) -> None:
    agent, project = await seeded(dragonfly), new_name("project")
    lease = await take(dragonfly, agent, project=project, ttl_ms=20)
    await asyncio.sleep(0.04)

    assert not await Leases(dragonfly).release(lease)

    assert not await dragonfly.exists(RedisKeys.project_agents(project))


async def test_members_that_died_long_ago_are_swept_out_by_whoever_joins(
    dragonfly: Redis,
) -> None:
    project = new_name("project")
    dead, alive = await seeded(dragonfly), await seeded(dragonfly)
    await take(dragonfly, dead, project=project)
    long_ago = int(time.time() * 1000) - KEEP_MS - 60_000
    await dragonfly.zadd(RedisKeys.project_heartbeats(project), {dead: long_ago})

    await take(dragonfly, alive, project=project)

    assert await dragonfly.smembers(RedisKeys.project_agents(project)) == {alive}
    assert await dragonfly.zrange(RedisKeys.project_heartbeats(project), 0, -1) == [alive]
