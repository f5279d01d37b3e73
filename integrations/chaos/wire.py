"""A TCP proxy before a server of ours, whose behaviour changes while connections are open.

1. It listens on loopback only, and forwards to loopback only.
2. What is random comes from the seed, so that a run repeats.
3. ``calm`` is how it is without a fault: it forwards what comes, at once.
4. It counts what it did to whom: so it is told whether a fault was felt by anybody.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from integrations.chaos.own import LOOPBACK

HOST: Final = "127.0.0.1"
CHUNK_BYTES: Final = 64 << 10
CONNECTIONS_MAX: Final = 500
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closed by RST, what is under way is lost


@dataclass(frozen=True, slots=True)
class Weather:
    """How a proxy treats what passes; the default is calm."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    holds: bool = False  # bytes are kept, none flow
    resets: float = 0.0  # how likely a chunk is answered by a reset
    cuts: float = 0.0  # how likely an answer is cut off in its midst, and the connection reset


CALM: Final = Weather()


class WireProxy:
    """``async with WireProxy(port, upstream) as wire``: listens inside, nothing is left outside."""

    def __init__(self, port: int, upstream: tuple[str, int], seed: int = 0) -> None:
        """Prepare it: listen on ``port``, forward to ``upstream`` (1)."""
        if upstream[0] not in LOOPBACK:
            raise ValueError(f"expected a loopback address to forward to, got {upstream[0]}")
        self.port = port
        self.felt = 0  # (4) how often somebody felt the weather
        self._upstream = upstream
        self._chance = random.Random(seed)  # noqa: S311 - (2) it repeats
        self._weather = CALM
        self._changed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None  # noqa: S101  # it was entered
        self.set(CALM)
        self._server.close()
        self.reset_all()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def set(self, weather: Weather) -> None:
        """Change the weather at once, also for connections that are open."""
        self._weather = weather
        if weather != CALM:
            self.felt = 0
        self._changed.set()
        self._changed = asyncio.Event()

    def reset_all(self) -> None:
        """Reset every connection that is open."""
        for writer in [*self._open]:
            self.felt += 1
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we are in it
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        if len(self._serving) > CONNECTIONS_MAX:
            _reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(writer)
            return
        pair = (writer, up_writer)
        self._open |= set(pair)
        try:
            await asyncio.gather(
                self._pump(reader, up_writer, pair, is_answer=False),
                self._pump(up_reader, writer, pair, is_answer=True),
            )
        except asyncio.CancelledError:
            return  # it is closed with all others
        finally:
            self._open -= set(pair)
            for each in pair:
                each.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        is_answer: bool,
    ) -> None:
        try:
            while chunk := await source.read(CHUNK_BYTES):
                if not await self._weathered(chunk, sink, pair, is_answer=is_answer):
                    return
            if sink.can_write_eof():
                sink.write_eof()
        except OSError:  # one end is gone: the other learns it
            for each in pair:
                _reset(each)

    async def _weathered(
        self,
        chunk: bytes,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        is_answer: bool,
    ) -> bool:
        """Pass a chunk on as the weather lets it; tell whether the connection goes on."""
        if self._weather.holds:
            self.felt += 1
        while self._weather.holds:
            await self._changed.wait()
        weather = self._weather
        if weather.delay_s or weather.jitter_s:
            self.felt += 1
            await asyncio.sleep(weather.delay_s + self._chance.uniform(0, weather.jitter_s))
        is_cut = is_answer and self._chance.random() < weather.cuts
        if is_cut:
            sink.write(chunk[: len(chunk) // 2])
            await sink.drain()
        if is_cut or self._chance.random() < weather.resets:
            self.felt += 1
            for each in pair:
                _reset(each)
            return False
        sink.write(chunk)
        await sink.drain()
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        plug = writer.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
