"""Which servers are refused before anything depends on them; all real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from integrations.dragonfly.client import connect
from integrations.dragonfly.preflight import _name, _refuse_eviction, preflight
from integrations.errors import DeniedError, UnavailableError
from tests.fixtures.servers.valkey import ValkeyProcess

Starter = Callable[..., ValkeyProcess]


@asynccontextmanager
async def client_of(server: ValkeyProcess) -> AsyncIterator[Redis]:
    client = server.client()
    yield client
    await client.aclose()


async def test_a_fit_server_says_who_it_is(dragonfly: Redis) -> None:
    facts = await preflight(dragonfly)

    assert facts.name == "valkey"
    assert facts.version.startswith("9.")
    assert len(facts.run_id) == 40


async def test_a_restart_shows_in_the_run_id(private_valkey: Starter) -> None:
    server = private_valkey()
    async with client_of(server) as client:
        before = await preflight(client)
        server.stop()
        server.start()

        assert (await preflight(client)).run_id != before.run_id


async def test_a_server_that_asks_for_no_password_is_refused(private_valkey: Starter) -> None:
    async with client_of(private_valkey(password="")) as client:
        with pytest.raises(DeniedError, match="requirepass"):
            await preflight(client)


async def test_a_server_open_to_strangers_is_refused_though_we_have_a_password(
    private_valkey: Starter,
) -> None:
    server = private_valkey("user worker on >let-me-work ~* &* +@all", password="")
    server.password_file.write_text("let-me-work")
    client = connect(server.url.replace("//", "//worker@"), server.password_file)

    with pytest.raises(DeniedError, match="without a password"):
        await preflight(client)
    await client.aclose()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_evicts_is_refused(private_valkey: Starter, policy: str) -> None:
    async with client_of(private_valkey(f"maxmemory-policy {policy}")) as client:
        with pytest.raises(DeniedError, match=f"{policy}.*noeviction"):
            await preflight(client)


async def test_a_replica_is_not_the_server_to_talk_to(private_valkey: Starter) -> None:
    server = private_valkey()
    async with client_of(server) as client:
        assert server.command(f"REPLICAOF 127.0.0.1 {server.port + 1}") == b"+OK"
        with pytest.raises(UnavailableError, match="primary"):
            await preflight(client)


async def test_a_server_that_is_not_there_is_unavailable(private_valkey: Starter) -> None:
    server = private_valkey()
    server.stop()
    async with client_of(server) as client:
        with pytest.raises(UnavailableError):
            await preflight(client)


def test_a_dragonfly_in_cache_mode_is_refused_by_what_it_says_of_itself() -> None:
    with pytest.raises(DeniedError, match="--cache_mode=false"):
        _refuse_eviction({"cache_mode": "cache", "maxmemory_policy": "eviction"})
    _refuse_eviction({"cache_mode": "store", "maxmemory_policy": "noeviction"})


def test_a_server_that_does_not_tell_its_policy_is_refused() -> None:
    with pytest.raises(DeniedError, match="untold"):
        _refuse_eviction({})


def test_dragonfly_is_told_from_the_redis_it_claims_to_be() -> None:
    said = {"redis_version": "7.4.0", "dragonfly_version": "df-v1.40.1"}

    assert _name(said) == ("dragonfly", "1.40.1")
    assert _name({"redis_version": "7.0.15"}) == ("redis", "7.0.15")
