"""Servers of the caller: used, or refused by name; on real sockets."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mandate.stack import external
from mandate.stack.errors import SettingError
from mandate.stack.servers.ports import HOST, Ports


@pytest.fixture
async def port():
    server = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("TEMPORAL_ADDRESS", "127.0.0.1:{}"),
        ("VAULT_ADDR", "http://127.0.0.1:{}"),
        ("MANDATE_DRAGONFLY_URL", "redis://127.0.0.1:{}/0"),
    ],
)
async def test_a_dead_server_is_refused_and_the_variable_named(tmp_path, name, address):
    port = Ports().free()

    with pytest.raises(SettingError, match=rf"{name} names 127.0.0.1:{port}, but no server") as no:
        await external.check({name: address.format(port)}, {})
    assert no.value.exit_code == 2


async def test_a_server_that_swallows_connections_is_dead_too(monkeypatch):
    monkeypatch.setattr(external, "ANSWER_TIMEOUT_S", 0.2)
    with socket.socket() as full:
        full.bind((HOST, 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        with pytest.raises(SettingError, match="no server answers there"):
            await external.check({"TEMPORAL_ADDRESS": f"{HOST}:{address[1]}"}, {})
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("address", ["", "nonsense", "http://", "redis://:secret@", "h:99999"])
async def test_what_is_no_address_is_refused_without_showing_it(address):
    with pytest.raises(SettingError, match="TEMPORAL_ADDRESS is no address") as no:
        await external.check({"TEMPORAL_ADDRESS": address}, {})
    assert "secret" not in str(no.value)


@pytest.mark.parametrize(
    ("name", "scheme", "companion"),
    [
        ("VAULT_ADDR", "http", "MANDATE_VAULT_ROLES"),
        ("MANDATE_DRAGONFLY_URL", "redis", "MANDATE_DRAGONFLY_PASSWORD_FILE"),
    ],
)
async def test_what_belongs_to_an_external_server_must_be_given(
    tmp_path, port, name, scheme, companion
):
    named = {name: f"{scheme}://{HOST}:{port}"}

    for value in ("", str(tmp_path / "missing")):
        with pytest.raises(SettingError, match=f"so {companion} must name"):
            await external.check(named, {companion: value})
    assert await external.check(named, {companion: str(tmp_path)}) == {
        **named,
        companion: str(tmp_path),
    }


def test_an_address_that_was_our_own_is_not_the_callers(tmp_path):
    caller = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "VAULT_ADDR": "http://127.0.0.1:2", "HOME": "/"}
    assert external.named(tmp_path, caller) == {
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "VAULT_ADDR": "http://127.0.0.1:2",
    }
    external.remember_own(tmp_path, {"TEMPORAL_ADDRESS": "127.0.0.1:1"})

    assert external.named(tmp_path, caller) == {"VAULT_ADDR": "http://127.0.0.1:2"}


@pytest.mark.parametrize("content", ["", "no json", "[]"])
def test_a_record_that_cannot_be_read_makes_every_named_server_the_callers(tmp_path, content):
    (tmp_path / "servers.json").write_text(content)

    assert external.named(tmp_path, {"VAULT_ADDR": "x"}) == {"VAULT_ADDR": "x"}
