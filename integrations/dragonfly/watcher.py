"""Word of revocations, so that a lease beats at once and not in its own time.

Saves time and nothing else: what stops an agent is the answer that its next beat gets. The rules:

1. An announcement is never believed. It makes whoever works as that agent ask, and whoever may
   write to the channel can bring about no more than that.
2. Whoever subscribes has missed what was said before: everybody is hurried once then, and so is
   whoever begins to watch.
3. A subscription is made anew every ``RENEW_S``, because a connection that died without a word
   says nothing either. Dragonfly away: nothing is heard, and leases beat in their own time.
4. What cannot be read, as it is no text, costs the connection and never the listening.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from redis import exceptions as theirs
from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.beside import beside
from integrations.dragonfly.client import translate

RENEW_S: Final = 30.0
RECONNECT_S: Final = 0.5

logger = logging.getLogger(__name__)

Hurry = Callable[[], None]


class RevocationWatcher:
    """One for each worker; everything happens in the event loop it was started in."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._working: dict[str, list[Hurry]] = {}
        self._is_deaf = False

    @contextmanager
    def watching(self, agent: str, hurry: Hurry) -> Iterator[None]:
        """Call ``hurry``, which must not wait, whenever ``agent`` may have been revoked."""
        self._working.setdefault(agent, []).append(hurry)
        hurry()  # (2) it has missed what was said before
        try:
            yield
        finally:
            self._working[agent].remove(hurry)
            if not self._working[agent]:
                del self._working[agent]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen meanwhile."""
        async with beside(self._listen()):
            yield

    async def _listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(RENEW_S):  # (3) made anew
                    await self._subscribe()
            except TimeoutError:
                continue
            # (4) costs the connection only
            except (theirs.RedisError, OSError, UnicodeDecodeError) as error:
                if not self._is_deaf:
                    logger.warning("no word of revocations: %s", translate(error))
                self._is_deaf = True
                await asyncio.sleep(RECONNECT_S)

    async def _subscribe(self) -> None:
        async with self._client.pubsub() as channel:
            await channel.subscribe(RedisKeys.REVOCATIONS)
            while True:
                self._hear(await channel.get_message(timeout=None))

    def _hear(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":  # also after a reconnection by the client itself
            self._is_deaf = False
            for agent in list(self._working):
                self._hurry(agent)
        elif message["type"] == "message":
            # (1) never believed: whoever works asks
            self._hurry(str(message["data"]).partition(" ")[0])

    def _hurry(self, agent: str) -> None:
        for hurry in list(self._working.get(agent, ())):
            hurry()
