"""The proxy: calm passes everything on, and bad weather is felt until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from integrations.chaos.wire import CALM, Weather, WireProxy
from integrations.chaos.wires import BadWeather
from tests.fixtures.servers.valkey import free_port

WORDS = b"how are you today, my friend?\n"
WITHIN_S = 60.0
HELD_S = 1.0  # for what nobody says back


@pytest.fixture
async def wire() -> AsyncIterator[WireProxy]:
    """A proxy before a server that says back what it hears."""

    async def say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(1 << 16):
            writer.write(said)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(say_back, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, WireProxy(free_port(), ("127.0.0.1", port), seed=1) as proxy:
        yield proxy


async def said_back(wire: WireProxy, words: bytes = WORDS, *, within_s: float = WITHIN_S) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.readexactly(len(words)), within_s)
    finally:
        writer.close()


async def test_in_calm_everything_passes(wire):
    large = bytes(range(256)) * 4_096

    assert await said_back(wire) == WORDS
    assert await said_back(wire, large) == large
    assert wire.felt == 0


@pytest.mark.parametrize(
    ("weather", "felt_as"),
    [
        (Weather(resets=1.0), ConnectionError),
        (Weather(cuts=1.0), (ConnectionError, asyncio.IncompleteReadError)),
        (Weather(holds=True), TimeoutError),
    ],
)
async def test_bad_weather_is_felt_until_it_is_over(wire, weather, felt_as):
    fault = BadWeather(wire, weather)
    assert not await fault.fired()
    await fault.strike()
    with pytest.raises(felt_as):
        await said_back(wire, within_s=HELD_S if weather.holds else WITHIN_S)
    await fault.undo()

    assert await fault.fired()
    assert await said_back(wire) == WORDS


async def test_a_slow_wire_is_slow(wire):
    await BadWeather(wire, Weather(delay_s=0.2)).strike()
    before = asyncio.get_running_loop().time()

    assert await said_back(wire) == WORDS
    assert asyncio.get_running_loop().time() - before >= 0.4  # there and back


async def test_what_was_kept_flows_on_when_it_is_calm_again(wire):
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    wire.set(Weather(holds=True))
    writer.write(WORDS)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    wire.set(CALM)

    assert await asyncio.wait_for(reader.readexactly(len(WORDS)), WITHIN_S) == WORDS
    writer.close()


async def test_open_connections_are_reset_at_once(wire):
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(WORDS)
    await reader.readexactly(len(WORDS))
    wire.reset_all()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(reader.readexactly(1), WITHIN_S)
    writer.close()


def test_it_forwards_to_loopback_only():
    with pytest.raises(ValueError, match="loopback"):
        WireProxy(0, ("10.0.0.1", 6379))
