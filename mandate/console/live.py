"""Pages that change while they are looked at, by Server-Sent Events.

1. One watcher looks for all who look at the same: it makes the page's moving part every ``LOOK_S``,
   or as seldom as what it asks of many runs is asked, and sends it where it has changed. When
   nobody looks any more, it ends.
2. At most ``STREAMS_MAX`` look at a time, and ``STREAM_S`` each; a browser comes again by itself.
3. A look that fails is left out and tried again: the page shows what was seen last, and when.
4. Who reads too slowly gets the newest, not all: nothing is piled up for them.
5. When the server ends, every stream ends at once. A stream of somebody who may not look any more
   says nothing of what changes from then on, and ends within ``KEEPALIVE_S``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import StreamingResponse

from dsl.shown.surfaces import Html
from integrations.web.answers import TurnedAwayError

LOOK_S: Final = 1.0
KEEPALIVE_S: Final = 15.0
STREAM_S: Final = 3_600.0
STREAMS_MAX: Final = 200
_AWAY: Final = 503
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moving:
    """The moving part of a page; ``is_last``: it will not move any more."""

    html: Html
    is_last: bool = False


Look = Callable[[], Awaitable[Moving]]


def _always() -> bool:
    """Let whoever looks look on."""
    return True


@dataclass(slots=True)
class _Watch:
    task: asyncio.Task[None] | None = None
    seen: Moving | None = None
    readers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """The watchers of this process."""

    def __init__(self, look_s: float = LOOK_S) -> None:
        """Begin without one."""
        self._look_s = look_s
        self._watches: dict[str, _Watch] = {}
        self._streams = 0
        self._ended = False

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._watches)

    def stream(
        self,
        key: str,
        look: Look,
        *,
        alive: Callable[[], bool] = _always,
        look_s: float | None = None,
    ) -> StreamingResponse:
        """Return an answer that tells of each change; who gives the same ``key`` sees the same.

        Args:
            key: what is looked at.
            look: how it is looked at.
            alive: whether who looks may do so still (5).
            look_s: how long between two looks, where not as for all.

        Raises:
            TurnedAwayError: too many look.
        """
        if self._streams >= STREAMS_MAX or self._ended:
            raise TurnedAwayError(_AWAY, "too many pages are open: try again", retry_after_s=10)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._told(key, look, alive, look_s), media_type="text/event-stream", headers=headers
        )

    def aclose(self) -> None:
        """End every stream (5)."""
        self._ended = True
        for watch in self._watches.values():
            watch.changed.set()

    async def _told(
        self, key: str, look: Look, alive: Callable[[], bool], look_s: float | None
    ) -> AsyncIterator[str]:
        watch = self._watches.setdefault(key, _Watch())
        watch.readers += 1
        self._streams += 1
        if watch.task is None:
            every_s = self._look_s if look_s is None else look_s
            watch.task = asyncio.create_task(self._watch(watch, look, every_s))
        shown: Moving | None = None
        end = time.monotonic() + STREAM_S
        try:
            yield "retry: 2000\n\n"
            while not self._ended and time.monotonic() < end and alive():  # (5) who may look
                if watch.seen is not None and watch.seen is not shown:
                    shown = watch.seen  # (4) the newest
                    yield f"data: {json.dumps(shown.html)}\n\n"
                    if shown.is_last:
                        yield "event: over\ndata: 0\n\n"
                        return
                    continue  # it may have changed while that was sent
                try:
                    await asyncio.wait_for(watch.changed.wait(), KEEPALIVE_S)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._streams -= 1
            watch.readers -= 1
            if not watch.readers:  # (1) nobody looks any more
                self._watches.pop(key, None)
                if watch.task is not None:
                    watch.task.cancel()

    async def _watch(self, watch: _Watch, look: Look, every_s: float) -> None:
        while True:
            await self._look(watch, look)
            if watch.seen is not None and watch.seen.is_last:
                return
            await asyncio.sleep(every_s)

    async def _look(self, watch: _Watch, look: Look) -> None:
        try:
            found = await look()
        except Exception as error:  # noqa: BLE001 (3) whatever it is, the next look may be better
            logger.info("a page could not be made anew: %s: %s", type(error).__name__, error)
            return
        if found != watch.seen:
            watch.seen = found
            changed, watch.changed = watch.changed, asyncio.Event()
            changed.set()
