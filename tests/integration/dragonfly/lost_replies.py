"""A TCP proxy between client and server that lets scripts run and loses their replies."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 1 << 16


class LostReplies:
    """Forwards everything; the next ``lose(n)`` replies to EVALSHA end the connection instead."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._to_lose = 0
        self.lost = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def lose(self, replies: int) -> None:
        self._to_lose = replies
        self.lost = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        is_script = asyncio.Event()
        replies = asyncio.create_task(self._replies(up_reader, writer, is_script))
        requests = asyncio.create_task(self._requests(reader, up_writer, is_script))
        try:
            await asyncio.wait((replies, requests), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (replies, requests):
                pump.cancel()
            await asyncio.gather(replies, requests, return_exceptions=True)
            for end in (writer, up_writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    async def _requests(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, is_script: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if b"EVALSHA" in data:
                is_script.set()
            to.write(data)
            await to.drain()

    async def _replies(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, is_script: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if is_script.is_set() and self._to_lose:
                self._to_lose -= 1
                self.lost += 1
                return
            is_script.clear()
            to.write(data)
            await to.drain()
