"""The client sends a command again when its reply is lost: no script may count that twice.

A real Valkey behind a proxy that lets scripts run and then cuts the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from dsl.core import ErrorBudget
from integrations.dragonfly.budgets import Budgets
from integrations.dragonfly.client import connect
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.revocations import Revocations
from integrations.dragonfly.states import States
from integrations.errors import UnavailableError
from tests.fixtures.dragonfly.exercise import every_answer
from tests.fixtures.dragonfly.holders import TRUSTED, announced, claimed, seeded, take
from tests.fixtures.dragonfly.lost_replies import LostReplies
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually


@pytest_asyncio.fixture
async def lossy(valkey: ValkeyProcess) -> AsyncIterator[tuple[LostReplies, Redis]]:
    async with LostReplies(valkey.port) as proxy:
        client = connect(proxy.url, valkey.password_file)
        await every_answer(client)  # the server knows all scripts from here on
        yield proxy, client
        await client.aclose()


async def test_a_lease_taken_twice_over_is_one_lease(lossy: tuple[LostReplies, Redis]) -> None:
    proxy, client = lossy
    agent = await seeded(client)

    proxy.lose(2)
    lease = await take(client, agent)

    assert proxy.lost == 2
    assert await AgentGuards(client).read(agent) == GuardSeed(lease.fence, 0, revoked=False)
    await Leases(client).beat(lease)


async def test_a_beat_and_a_release_are_repeatable(lossy: tuple[LostReplies, Redis]) -> None:
    proxy, client = lossy
    agent = await seeded(client)
    lease = await take(client, agent)

    proxy.lose(1)
    lease = await Leases(client).beat(lease)
    proxy.lose(1)
    await Leases(client).release(lease)

    assert proxy.lost == 1
    assert (await take(client, agent, owner="run-2")).fence > lease.fence


async def test_binding_claiming_and_unbinding_are_repeatable(
    lossy: tuple[LostReplies, Redis],
) -> None:
    proxy, client = lossy
    agent = await seeded(client)
    lease = await take(client, agent)

    proxy.lose(1)
    lease = await Leases(client).bind(lease)
    proxy.lose(1)
    claiming = asyncio.create_task(take(client, agent, nonce="attempt-2", begun_ms=2))
    await claimed(client, agent)
    await eventually(lambda: proxy.lost == 1)
    proxy.lose(1)
    await Leases(client).unbind(lease)

    assert (await claiming).fence > lease.fence


async def test_a_write_is_written_once(lossy: tuple[LostReplies, Redis]) -> None:
    proxy, client = lossy
    lease = await take(client, await seeded(client))

    proxy.lose(2)
    version = await States(client).write(lease, op_id="1", fields={"phase": "PLAN"}, expected=0)

    assert proxy.lost == 2
    assert version == 1


async def test_an_error_counts_once(
    lossy: tuple[LostReplies, Redis],
) -> None:
    proxy, client = lossy
    agent = await seeded(client)

    await Budgets(client).recall(agent, {})
    proxy.lose(3)
    count = await Budgets(client).count(agent, "e1", ErrorBudget(errors=1, window_ms=60_000))

    assert proxy.lost == 3
    assert count.reading.errors == 1


async def test_a_revocation_is_announced_once(lossy: tuple[LostReplies, Redis]) -> None:
    proxy, client = lossy
    agent = await seeded(client)

    proxy.lose(1)
    await Revocations(client).revoke(agent, 9, "because")

    assert await announced(client, agent) == [("9", "1", "because")]


async def test_seeding_is_repeatable(lossy: tuple[LostReplies, Redis]) -> None:
    proxy, client = lossy

    proxy.lose(2)
    agent = await seeded(client)

    assert await AgentGuards(client).read(agent) == TRUSTED


async def test_more_losses_than_the_client_bears_are_an_outage_that_a_retry_heals(
    lossy: tuple[LostReplies, Redis],
) -> None:
    proxy, client = lossy
    agent = await seeded(client)

    proxy.lose(100)
    with pytest.raises(UnavailableError):
        await take(client, agent)
    taken = await AgentGuards(client).read(agent)
    proxy.lose(0)

    assert taken
    assert (await take(client, agent)).fence == taken.fence
