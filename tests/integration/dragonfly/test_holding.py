"""A body works under a lease and is stopped before anyone else can have it.

Real Valkeys that are frozen, killed and emptied. Leases are short so that the tests are, and long
enough that a busy machine stands still for less than their margin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.limits import LEASE_TTL_MS
from integrations.dragonfly.client import CALL_LIMIT_S
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.holding import MARGIN, Holding
from integrations.dragonfly.leases import Lease, Leases
from integrations.dragonfly.revocations import Revocations
from integrations.errors import ColdError, CorruptError, RevokedError
from tests.fixtures.dragonfly.holders import seeded, take
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually

TTL_MS = 6_000
OUTAGE_S = 1.1  # longer than a renewal waits for its answer, far from where the lease is lost
FOREVER_S = 20


@pytest_asyncio.fixture
async def fragile(
    private_valkey: Callable[..., ValkeyProcess],
) -> AsyncIterator[tuple[ValkeyProcess, Redis]]:
    server = private_valkey()
    client = server.client()
    yield server, client
    await client.aclose()


async def short_lease(client: Redis) -> Lease:
    return await take(client, await seeded(client), ttl_ms=TTL_MS)


async def held_until_lost(client: Redis, lease: Lease, mishap: Callable[[], object]) -> Exception:
    """Hold, let the mishap happen, and return the loss; the body must end within the lease."""

    async def hold() -> None:
        async with Holding(Leases(client), lease) as holding:
            await asyncio.sleep(0.05)
            done = mishap()
            if asyncio.iscoroutine(done):
                await done
            try:
                await asyncio.sleep(FOREVER_S)
            finally:
                assert holding.lease.left_s > 0

    with pytest.raises((LeaseLostError, RevokedError)) as caught:
        await hold()
    assert not cancellations_pending()
    return caught.value


def cancellations_pending() -> int:
    task = asyncio.current_task()
    assert task
    return task.cancelling()


async def test_a_deleted_lock_stops_the_body(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    loss = await held_until_lost(
        dragonfly, lease, lambda: dragonfly.delete(RedisKeys.agent_lock(lease.holder))
    )

    assert isinstance(loss.__cause__, LeaseLostError)
    assert lease.holder in str(loss)


async def test_a_revocation_stops_the_body(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    loss = await held_until_lost(
        dragonfly, lease, lambda: Revocations(dragonfly).revoke(lease.agent, 1, "because")
    )

    assert isinstance(loss, RevokedError)  # final, where a lost lease is tried again
    assert await dragonfly.zscore(RedisKeys.BEATS, lease.holder) is None  # nobody misses it


async def test_a_server_restarted_empty_stops_the_body(
    fragile: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = fragile

    def restart() -> None:
        server.stop()
        server.start()

    loss = await held_until_lost(client, await short_lease(client), restart)

    assert isinstance(loss.__cause__, ColdError)


async def test_a_frozen_server_stops_the_body_before_the_lease_runs_out(
    fragile: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = fragile

    loss = await held_until_lost(client, await short_lease(client), server.pause)

    assert "no renewal was confirmed in time" in str(loss)


async def test_a_killed_server_stops_the_body_before_the_lease_runs_out(
    fragile: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = fragile

    loss = await held_until_lost(client, await short_lease(client), server.stop)

    assert "no renewal was confirmed in time" in str(loss)


async def test_a_broken_guard_stops_the_body(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    loss = await held_until_lost(
        dragonfly, lease, lambda: dragonfly.set(RedisKeys.agent_guard(lease.agent), "nonsense")
    )

    assert isinstance(loss.__cause__, CorruptError)
    assert await dragonfly.zscore(RedisKeys.BEATS, lease.holder) is None


async def test_the_next_attempt_stops_the_body_of_the_one_before_and_begins_when_it_has_ended(
    dragonfly: Redis,
) -> None:
    lease = await take(dragonfly, await seeded(dragonfly))
    began = asyncio.Event()
    order: list[str] = []

    async def body() -> None:
        try:
            async with Holding(Leases(dragonfly), lease, release=False):
                began.set()
                try:
                    await asyncio.sleep(FOREVER_S)
                finally:
                    await asyncio.sleep(0.2)  # its program needs time to end
                    order.append("ended")
        except LeaseLostError:
            order.append("lost")

    task = asyncio.create_task(body())
    await began.wait()
    heir = await take(dragonfly, lease.agent, nonce="attempt-2", begun_ms=2)
    order.append("taken")
    await task

    assert order.index("ended") < order.index("taken")
    assert set(order) == {"ended", "lost", "taken"}
    assert lease.left_s > 0  # it did not have to run out
    await Leases(dragonfly).beat(heir)


async def test_every_renewal_is_told_with_its_deadline(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)
    told: list[float] = []

    async with Holding(Leases(dragonfly), lease, on_renewal=told.append) as holding:
        await eventually(lambda: len(told) >= 3)
        assert told[-1] == holding.lease.deadline

    assert told == sorted(set(told))


async def test_a_short_outage_is_survived(fragile: tuple[ValkeyProcess, Redis]) -> None:
    server, client = fragile
    lease = await short_lease(client)

    async with Holding(Leases(client), lease) as holding:
        server.pause()
        await asyncio.sleep(OUTAGE_S)
        server.resume()
        before = holding.lease.deadline
        await eventually(lambda: holding.lease.deadline > before)

    assert holding.lease.fence == lease.fence


async def test_a_lease_is_renewed_for_as_long_as_the_body_works(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    async with Holding(Leases(dragonfly), lease) as holding:
        await asyncio.sleep(lease.left_s + 0.1)
        await Leases(dragonfly).beat(holding.lease)


async def test_a_body_that_let_the_whole_process_stand_still_ends_in_the_loss(
    dragonfly: Redis,
) -> None:
    lease = await take(dragonfly, await seeded(dragonfly), ttl_ms=TTL_MS // 3)

    with pytest.raises(LeaseLostError, match="unnoticed"):
        async with Holding(Leases(dragonfly), lease) as holding:
            time.sleep(holding.lease.left_s + 0.1)  # noqa: ASYNC251 - standing still is the point


async def test_at_the_end_the_lock_is_given_back(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    async with Holding(Leases(dragonfly), lease):
        pass

    await take(dragonfly, lease.agent, owner="run-2")


async def test_a_lease_may_be_left_to_the_next_step(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    async with Holding(Leases(dragonfly), lease, release=False):
        pass

    assert (await take(dragonfly, lease.agent)).fence == lease.fence


async def test_an_error_of_the_body_passes_through_and_frees_the_lock(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    with pytest.raises(KeyError):
        async with Holding(Leases(dragonfly), lease):
            raise KeyError

    await take(dragonfly, lease.agent, owner="run-2")


async def test_a_cancellation_that_comes_before_the_body_leaves_nothing_bound(
    fragile: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = fragile
    lease = await take(client, await seeded(client))

    async def hold() -> None:
        async with Holding(Leases(client), lease, release=False):
            raise AssertionError("it must not begin")

    server.pause()
    task = asyncio.create_task(hold())
    await asyncio.sleep(0.05)
    task.cancel()
    server.resume()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not await client.hexists(RedisKeys.agent_lock(lease.holder), "bound")


async def test_a_cancellation_from_outside_stays_one_and_frees_the_lock(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    begun = asyncio.Event()

    async def hold() -> None:
        async with Holding(Leases(dragonfly), lease):
            begun.set()
            await asyncio.sleep(FOREVER_S)

    task = asyncio.create_task(hold())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await take(dragonfly, lease.agent, owner="run-2")


async def test_a_cancellation_from_outside_wins_over_a_loss_at_the_same_moment(
    dragonfly: Redis,
) -> None:
    lease = await short_lease(dragonfly)
    holding = Holding(Leases(dragonfly), lease)
    begun = asyncio.Event()

    async def hold() -> None:
        async with holding:
            begun.set()
            await asyncio.sleep(FOREVER_S)

    task = asyncio.create_task(hold())
    await begun.wait()
    holding._renewal.add_done_callback(lambda _: task.cancel())
    await dragonfly.delete(RedisKeys.agent_lock(lease.holder))

    with pytest.raises(asyncio.CancelledError):
        await task
    assert holding._lost


async def test_a_timeout_around_the_body_stays_a_timeout(dragonfly: Redis) -> None:
    lease = await short_lease(dragonfly)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), Holding(Leases(dragonfly), lease):
            await asyncio.sleep(FOREVER_S)


@pytest.mark.parametrize("how", ["returns", "raises"])
async def test_a_body_that_swallows_the_cancellation_still_ends_in_the_loss(
    dragonfly: Redis, how: str
) -> None:
    lease = await short_lease(dragonfly)

    async def hold() -> None:
        async with Holding(Leases(dragonfly), lease):
            await dragonfly.delete(RedisKeys.agent_lock(lease.holder))
            try:
                await asyncio.sleep(FOREVER_S)
            except asyncio.CancelledError:
                if how == "raises":
                    raise ValueError from None

    with pytest.raises(LeaseLostError):
        await hold()
    assert not cancellations_pending()


async def test_a_server_that_cannot_be_told_lets_the_lease_run_out(
    fragile: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = fragile

    async with Holding(Leases(client), await take(client, await seeded(client))):
        server.stop()


def test_a_lease_that_took_as_long_as_a_call_may_can_still_be_proved() -> None:
    assert CALL_LIMIT_S < (1 - MARGIN) * LEASE_TTL_MS / 1000
