"""Slack's socket: clicks come to us over a connection that we have opened, without an address.

1. An envelope is acknowledged when it has been read, and worked on after that: Slack waits three
   seconds, and a vote may take longer. One that comes twice is one vote; see
   ``integrations.doors.ballots``.
2. The client reconnects by itself. What goes wrong with one envelope is a line in the log, and the
   next is taken.
3. At most ``TAKEN_MAX`` are worked on at once. What comes beyond that is not acknowledged: Slack
   says so to whoever has pressed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

logger = logging.getLogger(__name__)

TAKE_S: Final = 60.0
TAKEN_MAX: Final = 64

Take = Callable[[Mapping[str, Any]], Awaitable[None]]


@asynccontextmanager
async def listening(api: str, app_token: str, take: Take) -> AsyncIterator[None]:
    """Hand on what comes, until this is left."""
    loop = asyncio.get_running_loop()
    web = WebClient(token=app_token, base_url=f"{api}/")
    client = SocketModeClient(app_token=app_token, web_client=web, auto_reconnect_enabled=True)

    under_way = threading.BoundedSemaphore(TAKEN_MAX)

    async def taken(payload: Mapping[str, Any]) -> None:
        try:
            await _taken(take, payload)
        finally:
            under_way.release()

    def heard(_: Any, request: SocketModeRequest) -> None:
        is_ours = request.type == "interactive"
        if is_ours and not under_way.acquire(blocking=False):  # (3) pressed again
            logger.warning("a click was not taken: %d are under way", TAKEN_MAX)
            return
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if is_ours:  # (1) worked on after that
            asyncio.run_coroutine_threadsafe(taken(request.payload), loop)

    client.socket_mode_request_listeners.append(heard)
    try:
        await asyncio.to_thread(client.connect)
        yield
    finally:
        await asyncio.to_thread(client.close)


async def _taken(take: Take, payload: Mapping[str, Any]) -> None:
    try:
        async with asyncio.timeout(TAKE_S):
            await take(payload)
    except Exception as error:  # noqa: BLE001  # (2) whatever it is, the next is taken
        logger.warning("a click was not taken (%s): %s", type(error).__name__, error)
