"""Who may write a state, and what a repeated write does, on a real Valkey."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.leases import KEEP_MS, Leases
from integrations.dragonfly.revocations import Revocations
from integrations.dragonfly.states import FIELDS_MAX, States
from integrations.errors import ConflictError, RevokedError
from tests.fixtures.dragonfly.holders import new_name, seeded, take


async def test_writes_are_merged_and_numbered(dragonfly: Redis) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    states = States(dragonfly)

    assert await states.write(lease, op_id="1", fields={"phase": "PLAN", "tier": "T1"}) == 1
    assert await states.write(lease, op_id="2", fields={"phase": "EXECUTE"}) == 2

    assert await states.read(lease.holder) == {
        "phase": "EXECUTE",
        "tier": "T1",
        "ver": "2",
        "op": "2",
        "fence": str(lease.fence),
    }


async def test_an_unknown_state_is_empty(dragonfly: Redis) -> None:
    assert await States(dragonfly).read(new_name("agent")) == {}


async def test_the_same_operation_again_changes_nothing_even_with_other_fields(
    dragonfly: Redis,
) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    states = States(dragonfly)
    await states.write(lease, op_id="1", fields={"phase": "PLAN"}, expected=0)

    assert await states.write(lease, op_id="1", fields={"phase": "EXIT"}, expected=0) == 1

    assert (await states.read(lease.holder))["phase"] == "PLAN"


async def test_a_writer_that_has_read_another_version_is_refused(dragonfly: Redis) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    states = States(dragonfly)
    await states.write(lease, op_id="1", fields={"phase": "PLAN"})

    with pytest.raises(ConflictError, match="at version 1, expected 0"):
        await states.write(lease, op_id="2", fields={"phase": "EXIT"}, expected=0)

    assert (await states.read(lease.holder))["phase"] == "PLAN"


async def test_without_a_lease_nothing_is_written(dragonfly: Redis) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    await Leases(dragonfly).release(lease)

    with pytest.raises(LeaseLostError):
        await States(dragonfly).write(lease, op_id="1", fields={"phase": "PLAN"})

    assert await States(dragonfly).read(lease.holder) == {}


async def test_a_revoked_instance_writes_nothing_though_its_own_lock_stands(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly)
    lease = await take(dragonfly, agent, holder=f"{agent}~1")
    await Revocations(dragonfly).revoke(agent, 1, "because")

    with pytest.raises(RevokedError):
        await States(dragonfly).write(lease, op_id="1", fields={"phase": "EXECUTE"})
    assert await dragonfly.exists(RedisKeys.agent_lock(lease.holder))


async def test_a_state_outlives_its_last_write_and_beat_by_a_day(dragonfly: Redis) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    key = RedisKeys.agent_state(lease.holder)
    await States(dragonfly).write(lease, op_id="1", fields={"phase": "PLAN"})
    assert KEEP_MS - 5_000 < await dragonfly.pttl(key) <= KEEP_MS
    await dragonfly.pexpire(key, 1_000)

    await Leases(dragonfly).beat(lease)

    assert await dragonfly.pttl(key) > 1_000


@pytest.mark.parametrize("name", ["ver", "op", "fence"])
async def test_fields_of_the_store_cannot_be_set(dragonfly: Redis, name: str) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))

    with pytest.raises(ValueError, match=name):
        await States(dragonfly).write(lease, op_id="1", fields={name: "9"})


async def test_a_write_has_a_name_and_a_limit(dragonfly: Redis) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    many = {str(number): "" for number in range(FIELDS_MAX + 1)}

    with pytest.raises(ValueError, match="op_id"):
        await States(dragonfly).write(lease, op_id="", fields={})
    with pytest.raises(ValueError, match="at most 100"):
        await States(dragonfly).write(lease, op_id="1", fields=many)


async def test_of_many_writers_that_read_the_same_version_one_succeeds(dragonfly: Redis) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))

    results = await asyncio.gather(
        *(
            States(dragonfly).write(
                lease, op_id=str(number), fields={"by": str(number)}, expected=0
            )
            for number in range(10)
        ),
        return_exceptions=True,
    )

    assert [result for result in results if isinstance(result, int)] == [1]
    assert sum(isinstance(result, ConflictError) for result in results) == 9
