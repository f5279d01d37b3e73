"""Slack's socket: clicks come to us over a connection that we have opened, without an address.

1. An envelope is acknowledged when it has been read, and worked on after that: Slack waits three
   seconds, and a vote may take longer. One that comes twice is one vote; see
   ``integrations.doors.ballots``.
2. The client reconnects by itself. What goes wrong with one envelope is a line in the log, and the
   next is taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from integrations.errors import IntegrationError

logger = logging.getLogger(__name__)

TAKE_S: Final = 60.0

Take = Callable[[Mapping[str, Any]], Awaitable[None]]


@asynccontextmanager
async def listening(api: str, app_token: str, take: Take) -> AsyncIterator[None]:
    """Hand on what comes, until this is left."""
    loop = asyncio.get_running_loop()
    web = WebClient(token=app_token, base_url=f"{api}/")
    client = SocketModeClient(app_token=app_token, web_client=web, auto_reconnect_enabled=True)

    def heard(_: Any, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type == "interactive":  # (1) worked on after that
            asyncio.run_coroutine_threadsafe(_taken(take, request.payload), loop)

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
    except (IntegrationError, TimeoutError) as error:
        logger.warning("a click was not taken: %s", error)  # (2) the next is taken
