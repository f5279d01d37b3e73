"""What can be lost in Dragonfly: everything, and one lock."""

from __future__ import annotations

import pytest

from dsl.core import RedisKeys
from integrations.chaos.stores import LockLoss, StateLoss
from integrations.dragonfly.client import connect


@pytest.fixture
async def own_client(private_valkey):
    """A client of a server that others do not use."""
    server = private_valkey()
    client = connect(server.url, server.password_file)
    yield client
    await client.aclose()


async def test_everything_is_lost(own_client):
    await own_client.set("a", "1")
    loss = StateLoss(own_client)
    await loss.strike()

    assert await loss.fired()
    assert await own_client.dbsize() == 0


@pytest.mark.parametrize("runs_out", [False, True])
async def test_a_lock_is_lost_where_there_was_one(own_client, runs_out):
    held, free = "a~1", "a~2"
    await own_client.hset(RedisKeys.agent_lock(held), "fence", "1")
    losses = {name: LockLoss(own_client, name, runs_out=runs_out) for name in (held, free)}
    for loss in losses.values():
        await loss.strike()

    assert {name: await loss.fired() for name, loss in losses.items()} == {held: True, free: False}
    assert not await own_client.exists(RedisKeys.agent_lock(held))
