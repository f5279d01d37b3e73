"""A revocation stops a body in milliseconds; whoever lies on the channel stops nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.holding import Holding
from integrations.dragonfly.leases import Lease, Leases
from integrations.dragonfly.revocations import Revocations
from integrations.dragonfly.watcher import RevocationWatcher
from integrations.errors import RevokedError
from tests.fixtures.dragonfly.holders import new_name, seeded, take
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.fixtures.timing.timers import timers_stopped

TTL_MS = 60_000  # as in production: its own beat is 20 s away
FOREVER_S = 30


class Counter:
    """Counts how often somebody was hurried, and can be waited for."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(FOREVER_S):
            while self.count < count:
                self._changed.clear()
                await self._changed.wait()


async def listens(client: Redis, watcher: RevocationWatcher) -> None:
    """Wait until what is said on the channel arrives."""
    heard = Counter()
    name = new_name("agent")
    with watcher.watching(name, heard):
        async with asyncio.timeout(FOREVER_S):
            while heard.count < 2:
                await client.publish(RedisKeys.REVOCATIONS, f"{name} 1 1")
                await asyncio.sleep(0.01)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(FOREVER_S):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


async def hold(
    client: Redis, watcher: RevocationWatcher, lease: Lease, *, revoked_before: bool = False
) -> None:
    """Work until stopped."""
    async with Holding(Leases(client), lease) as holding:
        if revoked_before:
            await Revocations(client).revoke(lease.agent, 7, "a moment too early")
        with watcher.watching(lease.agent, holding.hurry):
            await asyncio.sleep(FOREVER_S)


async def test_a_revocation_ends_a_body_at_once_and_for_good(dragonfly: Redis) -> None:
    watcher = RevocationWatcher(dragonfly)
    lease = await take(dragonfly, await seeded(dragonfly), ttl_ms=TTL_MS)
    async with watcher.listening():
        await listens(dragonfly, watcher)
        body = asyncio.create_task(hold(dragonfly, watcher, lease))
        await asyncio.sleep(0.05)
        with timers_stopped():
            await Revocations(dragonfly).revoke(lease.agent, 7, "because")
            with pytest.raises(RevokedError):
                await body


async def test_a_lie_on_the_channel_costs_a_beat_and_stops_nobody(dragonfly: Redis) -> None:
    watcher = RevocationWatcher(dragonfly)
    lease = await take(dragonfly, await seeded(dragonfly), ttl_ms=TTL_MS)
    async with watcher.listening(), Holding(Leases(dragonfly), lease) as holding:
        await listens(dragonfly, watcher)
        with watcher.watching(lease.agent, holding.hurry):
            for lie in (f"{lease.agent} 999 1", lease.agent, "", " ", "no such agent 1 1", "\0"):
                await dragonfly.publish(RedisKeys.REVOCATIONS, lie)
            await listens(dragonfly, watcher)
            first = holding.lease
            await dragonfly.publish(RedisKeys.REVOCATIONS, f"{lease.agent} 999 1")
            await eventually(lambda: holding.lease.deadline > first.deadline)

        assert holding.lease.fence == lease.fence


async def test_what_was_said_before_somebody_watches_is_found_out_at_once(
    dragonfly: Redis,
) -> None:
    watcher = RevocationWatcher(dragonfly)
    lease = await take(dragonfly, await seeded(dragonfly), ttl_ms=TTL_MS)

    async with watcher.listening():
        with timers_stopped(), pytest.raises(RevokedError):
            await hold(dragonfly, watcher, lease, revoked_before=True)


async def test_what_was_said_while_the_server_was_away_is_asked_for_when_it_is_back(
    private_valkey: Callable[..., ValkeyProcess],
) -> None:
    server = private_valkey()
    client = server.client()
    watcher = RevocationWatcher(client)
    mine, other = Counter(), Counter()
    async with watcher.listening():
        await listens(client, watcher)
        with watcher.watching("mine", mine), watcher.watching("other", other):
            assert (mine.count, other.count) == (1, 1)
            server.stop()
            server.start()
            await asyncio.gather(mine.until(2), other.until(2))

            before = other.count
            await client.publish(RedisKeys.REVOCATIONS, "mine 1 1")
            await mine.until(mine.count + 1)
        assert other.count == before
    await client.aclose()


async def test_no_server_costs_time_only(private_valkey: Callable[..., ValkeyProcess]) -> None:
    server = private_valkey()
    client = server.client()
    server.stop()
    watcher = RevocationWatcher(client)
    async with watcher.listening():
        with watcher.watching("mine", mine := Counter()):
            await asyncio.sleep(0.1)
            assert mine.count == 1
            server.start()
            await mine.until(2)
    await client.aclose()


async def test_two_runs_of_one_agent_are_both_told(dragonfly: Redis) -> None:
    watcher = RevocationWatcher(dragonfly)
    agent, one, two = new_name("agent"), Counter(), Counter()
    async with watcher.listening():
        await listens(dragonfly, watcher)
        with watcher.watching(agent, one):
            with watcher.watching(agent, two):
                await Revocations(dragonfly).revoke(agent, 7, "because")
                await asyncio.gather(one.until(2), two.until(2))
            await dragonfly.publish(RedisKeys.REVOCATIONS, f"{agent} 8 1")
            await one.until(3)
    assert two.count == 2


async def test_what_is_no_text_makes_nobody_deaf(dragonfly: Redis) -> None:
    watcher = RevocationWatcher(dragonfly)
    async with watcher.listening():
        await listens(dragonfly, watcher)
        await dragonfly.publish(RedisKeys.REVOCATIONS, b"\xff\xfe 1 1")
        await listens(dragonfly, watcher)
