"""Listening: one port of its own, and an end that waits for nobody without need.

1. Nothing is believed here of what a proxy says in headers: an address is that of the connection;
   see ``integrations.web.senders``.
2. At most ``AT_ONCE_MAX`` connections; of a head that is not there yet ``HEAD_BYTES_MAX`` are kept.
   One that does not send a whole head within ``HEAD_S`` is ended, whatever trickles in: so many
   that say nothing would else leave no place for anybody.
3. At the end, streams that are open are ended first, and then nobody is waited for longer than
   ``GRACE_S``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from integrations.errors import UnavailableError
from integrations.web.door import HEAD_BYTES_MAX

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8300
AT_ONCE_MAX: Final = 512
GRACE_S: Final = 3
KEEP_ALIVE_S: Final = 15
HEAD_S: Final = 10.0


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 is any free one.

    Raises:
        UnavailableError: it is taken, or there is no such address here.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=AT_ONCE_MAX)
    except OSError as error:
        raise UnavailableError(
            f"cannot listen on {host}:{port} ({error.strerror}): stop what does, or give another "
            "--port; 0 is any free one"
        ) from None


def names_of(listening: socket.socket) -> tuple[str, ...]:
    """Return what may stand in ``Host`` for a socket on this machine."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return tuple(
        f"{name}:{port}" for name in dict.fromkeys((shown, LOOPBACK, "localhost", "[::1]"))
    )


def _nothing() -> None:
    """End nothing."""


@asynccontextmanager
async def served(
    app: ASGIApp, listening: socket.socket, ending: Callable[[], None] = _nothing
) -> AsyncIterator[None]:
    """Serve meanwhile; ``ending`` is called first when it ends (3)."""
    config = uvicorn.Config(
        app,
        http=_Connection,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # (1) nothing is believed
        limit_concurrency=AT_ONCE_MAX,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # that it serves we say ourselves
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if serving.done():
                await serving
                raise UnavailableError("the server did not come up: its log says why")
            await asyncio.sleep(0.01)
        yield
    finally:
        ending()
        server.should_exit = True
        await serving


class _Connection(H11Protocol):
    """A connection that is ended where no whole head comes (2)."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_late()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._waits_for_head():
            self._unset_late()
        elif self._late is None:  # the beginning of a next head
            self._wait_for_head()

    def _waits_for_head(self) -> bool:
        return self.conn.their_state is h11.IDLE

    def _wait_for_head(self) -> None:
        self._late = self.loop.call_later(HEAD_S, self._end_late)

    def _end_late(self) -> None:
        self._late = None
        if self._waits_for_head() and not self.transport.is_closing():
            self.transport.close()

    def _unset_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever serves."""
        yield
