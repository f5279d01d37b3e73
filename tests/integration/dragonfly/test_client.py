"""How the client connects, and what each failure of a real server is called."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis import exceptions as theirs
from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.client import CALL_LIMIT_S, answered, connect, translate
from integrations.errors import CorruptError, DeniedError, UnavailableError
from tests.fixtures.dragonfly.holders import new_name, seeded, take
from tests.fixtures.servers.valkey import ValkeyProcess

Starter = Callable[..., ValkeyProcess]
BUSY_AFTER_MS = 50


@pytest_asyncio.fixture
async def victim(private_valkey: Starter) -> AsyncIterator[tuple[ValkeyProcess, Redis]]:
    server = private_valkey(f"busy-reply-threshold {BUSY_AFTER_MS}")
    client = server.client()
    yield server, client
    await client.aclose()


async def failure(call: Coroutine[Any, Any, Any]) -> tuple[type[Exception], float]:
    started = time.monotonic()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller compares the type
        await call
    return caught.type, time.monotonic() - started


def wait_until_busy(server: ValkeyProcess) -> None:
    while not server.command("PING").startswith(b"-BUSY"):
        time.sleep(0.01)


async def test_a_cancellation_that_the_client_swallows_is_obeyed_all_the_same() -> None:
    reached = False

    async def call() -> None:
        nonlocal reached
        async with answered():
            with contextlib.suppress(asyncio.CancelledError):  # as ``wait_for`` does, of 3.11
                await asyncio.sleep(CALL_LIMIT_S / 2)
        reached = True

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not reached


async def test_a_stopped_server_is_unavailable_before_the_limit_of_a_call(
    victim: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = victim
    agent = await seeded(client)
    server.stop()

    kind, seconds = await failure(take(client, agent))

    assert kind is UnavailableError
    assert seconds < CALL_LIMIT_S


async def test_a_restarted_server_is_found_again_without_help(
    victim: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = victim
    await seeded(client)
    server.stop()
    server.start()

    await take(client, await seeded(client))


async def test_a_frozen_server_is_unavailable_within_the_limit_of_a_call(
    victim: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = victim
    agent = await seeded(client)
    server.pause()

    kind, seconds = await failure(take(client, agent))

    assert kind is UnavailableError
    assert seconds < 2 * CALL_LIMIT_S


async def test_a_call_ends_at_its_limit_even_when_the_client_would_go_on(
    victim: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = victim
    await seeded(client)
    server.pause()

    async def call() -> None:
        async with answered(0.2):
            await client.get("x")

    kind, seconds = await failure(call())

    assert kind is UnavailableError
    assert seconds < CALL_LIMIT_S / 2


async def test_a_server_out_of_memory_is_unavailable(
    victim: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = victim
    agent = await seeded(client)
    assert server.command("CONFIG SET maxmemory 1") == b"+OK"

    assert (await failure(take(client, agent)))[0] is UnavailableError


async def test_a_demoted_server_is_unavailable(victim: tuple[ValkeyProcess, Redis]) -> None:
    server, client = victim
    agent = await seeded(client)
    assert server.command(f"REPLICAOF 127.0.0.1 {server.port + 1}") == b"+OK"

    assert (await failure(take(client, agent)))[0] is UnavailableError


async def test_a_server_stuck_in_a_script_is_unavailable(
    victim: tuple[ValkeyProcess, Redis],
) -> None:
    server, client = victim
    agent = await seeded(client)
    stuck = asyncio.create_task(asyncio.to_thread(server.command, 'EVAL "while true do end" 0'))
    await asyncio.to_thread(wait_until_busy, server)

    kind, _ = await failure(take(client, agent))
    server.command("SCRIPT KILL")
    await stuck

    assert kind is UnavailableError


async def test_a_wrong_password_is_denied_and_never_told(
    private_valkey: Starter, tmp_path: Path
) -> None:
    server = private_valkey()
    file = tmp_path / "wrong"
    file.write_text("hunter2-but-wrong")
    client = connect(server.url, file)

    with pytest.raises(DeniedError) as caught:
        await seeded(client)

    assert "hunter2" not in str(caught.value)
    await client.aclose()


async def test_no_password_where_one_is_asked_for_is_denied(valkey: ValkeyProcess) -> None:
    client = connect(valkey.url, None)

    assert (await failure(seeded(client)))[0] is DeniedError
    await client.aclose()


async def test_a_user_without_the_right_is_denied(private_valkey: Starter, tmp_path: Path) -> None:
    server = private_valkey("user reader on >let-me-read ~* +hgetall")
    file = tmp_path / "reader"
    file.write_text("let-me-read")
    client = connect(server.url.replace("//", "//reader@"), file)

    assert (await failure(seeded(client)))[0] is DeniedError
    await client.aclose()


async def test_the_rights_of_the_worker_user_suffice(
    private_valkey: Starter, tmp_path: Path
) -> None:
    rights = "~agent:* ~project:* ~governance:* &governance:* +@all -@dangerous -@admin +info"
    server = private_valkey(f"user worker on >let-me-work {rights}")
    file = tmp_path / "worker"
    file.write_text("let-me-work")
    client = connect(server.url.replace("//", "//worker@"), file)

    await take(client, await seeded(client))
    await client.aclose()


async def test_a_key_of_another_type_is_corrupt(dragonfly: Redis) -> None:
    agent = new_name("agent")
    await dragonfly.set(RedisKeys.agent_guard(agent), "not a hash")

    assert (await failure(take(dragonfly, agent)))[0] is CorruptError


async def test_more_callers_than_connections_wait_for_their_turn(dragonfly: Redis) -> None:
    agents = [await seeded(dragonfly) for _ in range(200)]

    leases = await asyncio.gather(*(take(dragonfly, agent) for agent in agents))

    assert len({lease.holder for lease in leases}) == 200


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (theirs.BusyLoadingError("loading the dataset"), UnavailableError),
        (theirs.MaxConnectionsError("too many"), UnavailableError),
        (theirs.NoScriptError("no matching script"), UnavailableError),
        (theirs.InvalidResponse("protocol error"), UnavailableError),
        (theirs.ResponseError("MISCONF snapshots fail"), UnavailableError),
        (OSError(104, "connection reset"), UnavailableError),
        (TimeoutError(), UnavailableError),
        (theirs.AuthorizationError("no"), DeniedError),
        (theirs.ResponseError("script tried accessing undeclared key"), CorruptError),
    ],
)
def test_failures_that_are_hard_to_bring_about_say_why_in_no_words_of_a_library(
    error: Exception, expected: type[Exception]
) -> None:
    translated = translate(error)

    assert type(translated) is expected
    said = error.strerror if isinstance(error, OSError) and error.errno else str(error)
    assert (said or "no answer in time").lower() in str(translated).lower()
    assert type(error).__name__ not in str(translated)


@pytest.mark.parametrize(
    "url", ["redis://:secret@127.0.0.1/0", "redis://127.0.0.1/0?password=secret"]
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="file") as caught:
        _ = connect(url, None)
    assert "secret" not in str(caught.value)


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://host:port"):
        _ = connect("http://127.0.0.1:6379", None)


def test_a_missing_or_empty_password_file_is_denied_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    for file in (tmp_path / "missing", empty):
        with pytest.raises(DeniedError, match=file.name):
            _ = connect("redis://127.0.0.1:1/0", file)


def test_the_password_stands_in_no_argument_list_and_no_representation(
    valkey: ValkeyProcess, dragonfly: Redis
) -> None:
    arguments = Path(f"/proc/{valkey.pid}/cmdline").read_bytes()

    assert valkey.password.encode() not in arguments
    assert valkey.password not in repr(dragonfly)
    assert valkey.password not in str(os.environ)
    assert valkey.password_file.stat().st_mode & 0o777 == 0o600
