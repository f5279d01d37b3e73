"""An emptied server grants nothing, on a real Valkey that loses everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.revocations import Revocations
from integrations.dragonfly.states import States
from integrations.errors import ColdError, CorruptError, RevokedError
from tests.fixtures.dragonfly.holders import new_name, seeded, take
from tests.fixtures.servers.valkey import ValkeyProcess


@pytest_asyncio.fixture
async def doomed(
    private_valkey: Callable[..., ValkeyProcess],
) -> AsyncIterator[tuple[ValkeyProcess, Redis]]:
    server = private_valkey()
    client = server.client()
    yield server, client
    await client.aclose()


async def test_an_agent_without_a_guard_gets_no_lease(dragonfly: Redis) -> None:
    with pytest.raises(ColdError, match="seed"):
        await take(dragonfly, new_name("agent"))


async def test_after_a_total_loss_nothing_is_granted_renewed_or_written(
    doomed: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = doomed
    agents = [await seeded(client) for _ in range(20)]
    lease = await take(client, agents[0])

    server.stop()
    server.start()

    for agent in agents:
        with pytest.raises(ColdError):
            await take(client, agent, nonce="attempt-2")
    with pytest.raises(ColdError):
        await Leases(client).beat(lease)
    with pytest.raises(ColdError):
        await States(client).write(lease, op_id="1", fields={"phase": "EXECUTE"})
    assert await AgentGuards(client).read(agents[0]) is None


async def test_after_reseeding_fences_are_higher_and_the_revoked_stay_refused(
    doomed: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = doomed
    agent, outlaw = await seeded(client), await seeded(client)
    before = await take(client, agent)
    await Revocations(client).revoke(outlaw, 5, "leaked a secret")

    server.flush()
    await AgentGuards(client).seed(agent, GuardSeed(before.fence, 0, revoked=False))
    await AgentGuards(client).seed(outlaw, GuardSeed(0, 5, revoked=True))

    after = await take(client, agent, nonce="attempt-2")
    assert after.fence > before.fence
    with pytest.raises(RevokedError):
        await take(client, outlaw, authority=GuardSeed(0, 5, revoked=False))


async def test_seeding_an_older_answer_lowers_no_fence_and_lifts_no_revocation(
    dragonfly: Redis,
) -> None:
    agent = await seeded(dragonfly, GuardSeed(fence=100, epoch=7, revoked=True))

    await AgentGuards(dragonfly).seed(agent, GuardSeed(fence=50, epoch=6, revoked=False))
    await AgentGuards(dragonfly).seed(agent, GuardSeed(fence=50, epoch=7, revoked=False))

    assert await AgentGuards(dragonfly).read(agent) == GuardSeed(100, 7, revoked=True)


@pytest.mark.parametrize(
    ("known", "told", "expected"),
    [
        (GuardSeed(1, 7, False), GuardSeed(1, 7, True), GuardSeed(1, 7, True)),
        (GuardSeed(1, 7, True), GuardSeed(9, 8, False), GuardSeed(9, 8, False)),
        (GuardSeed(9, 7, False), GuardSeed(1, 8, True), GuardSeed(9, 8, True)),
    ],
    ids=["a revocation wins a tie", "a later epoch lifts", "a later epoch revokes"],
)
async def test_seeding_merges_by_maximum(
    dragonfly: Redis, known: GuardSeed, told: GuardSeed, expected: GuardSeed
) -> None:
    agent = await seeded(dragonfly, known)

    await AgentGuards(dragonfly).seed(agent, told)
    await AgentGuards(dragonfly).seed(agent, told)

    assert await AgentGuards(dragonfly).read(agent) == expected


async def test_seeding_cuts_a_lease_whose_epoch_has_passed(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    lease = await take(dragonfly, agent)

    await AgentGuards(dragonfly).seed(agent, GuardSeed(0, 1, revoked=False))

    with pytest.raises(RevokedError):
        await Leases(dragonfly).beat(lease)


async def test_a_guard_never_expires(dragonfly: Redis) -> None:
    agent = await seeded(dragonfly)
    await take(dragonfly, agent)

    assert await dragonfly.pttl(RedisKeys.agent_guard(agent)) == -1


async def test_a_guard_that_nobody_of_ours_wrote_is_corrupt(dragonfly: Redis) -> None:
    agent = new_name("agent")
    await dragonfly.hset(RedisKeys.agent_guard(agent), "fence", "many")

    with pytest.raises(CorruptError, match=agent):
        await AgentGuards(dragonfly).read(agent)


async def test_a_fence_survives_seeding_with_all_its_digits(dragonfly: Redis) -> None:
    large = GuardSeed(fence=(1 << 53) - 1, epoch=(1 << 52) + 1, revoked=False)

    agent = await seeded(dragonfly, large)

    assert await AgentGuards(dragonfly).read(agent) == large
