"""Slack's socket: clicks come to us over a connection that we have opened, without an address.

1. An envelope is acknowledged when what it asks for is done, for which Slack waits three seconds:
   where it is not, or not in time, Slack says so to whoever has pressed, and nothing is lost in
   silence. One that comes twice is one vote; see ``integrations.doors.ballots``.
2. The client reconnects by itself. What goes wrong with one envelope is a line in the log, which
   says whether it was taken or only not told of, and the next is taken.
3. At most ``TAKEN_MAX`` are worked on at once. What comes beyond that is not acknowledged.
   Telling somebody what became of their click takes no place of these: while Slack takes clicks and
   no messages, clicks count all the same. Of ``TOLD_MAX`` who wait to be told, whoever has waited
   longest is told no more: what they have pressed stands, and who presses again is told.
4. The token by which a connection is opened is read for each: it can be replaced.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from integrations.beside import Newest
from integrations.doors.telling import Taken, Tell, until_told

logger = logging.getLogger(__name__)

TAKEN_MAX: Final = 64
TOLD_MAX: Final = 256
TOKEN_S: Final = 30.0

Take = Callable[[Mapping[str, Any]], Awaitable[Taken]]
Read = Callable[[], Coroutine[Any, Any, str]]


@asynccontextmanager
async def listening(api: str, read: Read, take: Take, within_s: float) -> AsyncIterator[None]:
    """Hand on what comes, until this is left.

    Args:
        api: Slack's address.
        read: returns the app-level token (4).
        take: does what an envelope asks for.
        within_s: for as long as Slack waits for that.
    """
    loop = asyncio.get_running_loop()
    client = _Client(api, await read(), lambda: asyncio.run_coroutine_threadsafe(read(), loop))
    listener = _Listener(client, take, within_s)
    client.socket_mode_request_listeners.append(listener.hear)
    try:
        await asyncio.to_thread(client.connect)
        yield
    finally:
        listener.telling.leave(0)
        await asyncio.to_thread(client.close)


class _Listener:
    """Hears envelopes in a thread of the client, and works on them in the loop."""

    def __init__(self, client: SocketModeClient, take: Take, within_s: float) -> None:
        self._client = client
        self._take = take
        self._within_s = within_s
        self._loop = asyncio.get_running_loop()
        self._under_way = threading.BoundedSemaphore(TAKEN_MAX)
        self.telling = Newest()  # who was told what became of a click (3)

    def hear(self, _: Any, request: SocketModeRequest) -> None:
        if request.type != "interactive":
            self._acknowledge(request)
        elif self._under_way.acquire(blocking=False):
            asyncio.run_coroutine_threadsafe(self._work(request), self._loop)
        else:  # (3) pressed again
            logger.warning("a click was not taken: %d are under way", TAKEN_MAX)

    async def _work(self, request: SocketModeRequest) -> None:
        try:
            await self._take_one(request)
        except Exception as error:  # noqa: BLE001  # (2) whatever it is, the next is taken
            logger.warning("a click was not taken (%s): %s", type(error).__name__, error)
        finally:
            self._under_way.release()

    async def _take_one(self, request: SocketModeRequest) -> None:
        async with asyncio.timeout(self._within_s):
            taken = await self._take(request.payload)
        try:
            if not taken.is_undone:  # (1) it is done
                await self._acknowledged(request)
        finally:
            if taken.tell is not None:
                self.telling.begin(_told(taken.tell), TOLD_MAX)  # (3) beside what comes

    async def _acknowledged(self, request: SocketModeRequest) -> None:
        """Say that it is done; it is, also where that is in vain."""
        try:
            await asyncio.to_thread(self._acknowledge, request)
        except Exception as error:  # noqa: BLE001  # (2) whatever it is
            kind = type(error).__name__
            logger.warning("a click was taken, and not acknowledged (%s): %s", kind, error)

    def _acknowledge(self, request: SocketModeRequest) -> None:
        answer = SocketModeResponse(envelope_id=request.envelope_id)
        self._client.send_socket_mode_response(answer)


async def _told(tell: Tell) -> None:
    """Tell whoever has pressed; what they have pressed stands, also where that is in vain."""
    try:
        await until_told(tell)
    except Exception as error:  # noqa: BLE001  # (2) whatever it is
        kind = type(error).__name__
        logger.warning("somebody was not told what became of their click (%s): %s", kind, error)


class _Client(SocketModeClient):
    """One that reads its token anew where it connects (4)."""

    def __init__(self, api: str, token: str, read: Callable[[], Future[str]]) -> None:
        self._read_token = read
        web = WebClient(token=token, base_url=f"{api}/")
        super().__init__(app_token=token, web_client=web, auto_reconnect_enabled=True)

    def issue_new_wss_url(self) -> str:
        self.app_token = self._read_token().result(TOKEN_S)
        return super().issue_new_wss_url()
