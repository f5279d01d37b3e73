"""``/health/live``, ``/health/ready`` and ``/metrics``, on a loopback port of their own.

The smallest of HTTP: three pages to be read, and nothing that could be done. The rules:

1. Loopback alone: there is no login here, and none is needed for what stands here, see
   ``integrations.health.metrics``.
2. What a page says is made once in ``FRESH_S``, however often it is asked for: whoever scrapes
   fifty times a second costs what fifty copies cost.
3. Nobody who asks waits for a system that does not answer: what was seen last is told.
4. A request is one of GET or HEAD, has ``REQUEST_BYTES_MAX`` at most, and comes within
   ``REQUEST_S``; at most ``AT_ONCE_MAX`` are served at a time. Everything else is turned away.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from integrations.errors import UnavailableError

HOST: Final = "127.0.0.1"  # (1) loopback alone
LIVE: Final = "/health/live"
READY: Final = "/health/ready"
METRICS_PATH: Final = "/metrics"
FRESH_S: Final = 1.0
REQUEST_S: Final = 5.0
REQUEST_BYTES_MAX: Final = 8 << 10
AT_ONCE_MAX: Final = 32
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    status: HTTPStatus
    body: bytes
    kind: str = _JSON


@dataclass(frozen=True, slots=True)
class ProcessState:
    """Whether a process can do its work now, and what it lacks, by name."""

    is_ready: bool
    states: dict[str, str]


class HealthPages:
    """Serves what ``ready`` and ``metrics`` say; both are asked once in a while."""

    def __init__(
        self, ready: Callable[[], ProcessState], metrics: Callable[[], Awaitable[str]]
    ) -> None:
        """Prepare; nothing listens yet."""
        self._ready = ready
        self._metrics = metrics
        self._made: dict[str, tuple[float, Page]] = {}
        # (3) a page never waits for the other
        self._making = {path: asyncio.Lock() for path in (READY, METRICS_PATH)}
        self._open: set[asyncio.Task[None] | None] = set()

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[int]:
        """Listen meanwhile; the port is told, which was free where ``port`` is 0.

        Raises:
            UnavailableError: it is taken.
        """
        try:
            server = await asyncio.start_server(self._answer, HOST, port, limit=REQUEST_BYTES_MAX)
        except OSError as error:
            raise UnavailableError(
                f"cannot serve health on {HOST}:{port} ({error.strerror}): name a free port in "
                "MANDATE_HEALTH_PORT"
            ) from None
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for each in self._open:
                if each is not None:
                    each.cancel()

    async def page(self, path: str) -> Page:
        """Return the page at ``path``, as fresh as ``FRESH_S`` (2)."""
        if path == LIVE:  # that this is answered says it
            return Page(HTTPStatus.OK, b'{"live": true}\n')
        if path not in self._making:
            said = f"expected {LIVE}, {READY} or {METRICS_PATH}\n"
            return Page(HTTPStatus.NOT_FOUND, said.encode(), _TEXT)
        async with self._making[path]:
            made = self._made.get(path)
            if made is None or time.monotonic() - made[0] >= FRESH_S:
                page = self._readiness() if path == READY else await self._numbers()
                made = self._made[path] = (time.monotonic(), page)
        return made[1]

    def _readiness(self) -> Page:
        found = self._ready()
        status = HTTPStatus.OK if found.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        said = {"ready": found.is_ready, "states": found.states}
        return Page(status, f"{json.dumps(said)}\n".encode())

    async def _numbers(self) -> Page:
        return Page(HTTPStatus.OK, (await self._metrics()).encode(), _TEXT)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._open.add(task)
        try:
            # Cancelled it is at the end alone, where nobody waits for what becomes of it.
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(REQUEST_S):
                    if len(self._open) > AT_ONCE_MAX:  # (4) turned away, unread
                        _write(writer, _refused(HTTPStatus.SERVICE_UNAVAILABLE))
                    else:
                        await self._serve(reader, writer)
                    await writer.drain()
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
            return _write(writer, _refused(HTTPStatus.BAD_REQUEST))
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3:  # noqa: PLR2004  # method, path, version
            return _write(writer, _refused(HTTPStatus.BAD_REQUEST))
        if words[0] not in ("GET", "HEAD"):
            return _write(writer, _refused(HTTPStatus.METHOD_NOT_ALLOWED))
        page = await self.page(words[1].partition("?")[0])
        return _write(writer, page, with_body=words[0] == "GET")


def _refused(status: HTTPStatus) -> Page:
    return Page(status, f"{status.phrase}\n".encode(), _TEXT)


def _write(writer: asyncio.StreamWriter, page: Page, *, with_body: bool = True) -> None:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\nContent-Type: {page.kind}\r\n"
        f"Content-Length: {len(page.body)}\r\nConnection: close\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    writer.write(head.encode() + (page.body if with_body else b""))
