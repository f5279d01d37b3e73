"""Work that goes on beside something else, and is over when that is.

A cancellation may be swallowed by a client library on its way (``asyncio.wait_for`` of Python
3.11), so one is asked for until the work has ended. Work that ends by an error of its own is said
in the log: nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

logger = logging.getLogger(__name__)

_CANCEL_AGAIN_S: Final = 0.1


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have ``works`` go on meanwhile; when this is left they have ended."""
    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(_tell)
    try:
        yield
    finally:
        await ended(tasks)


class Newest:
    """Work that goes on by itself, so much at once: for what comes, what has waited longest goes.

    Work says itself what goes wrong with it.
    """

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}  # what has waited longest is the first

    def begin(self, work: Coroutine[Any, Any, None], most: int) -> None:
        """Have ``work`` go on, with at most so much in all."""
        self.leave(most - 1)
        task = asyncio.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def leave(self, most: int) -> None:
        """Give up what is more than so much."""
        for task in list(self._tasks)[: max(0, len(self._tasks) - most)]:
            del self._tasks[task]
            task.cancel()

    async def finish(self, within_s: float) -> None:
        """Wait until all is done, and give up what is not by then."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        self.leave(0)


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End tasks, and return when they have."""
    for each in list(tasks):
        while not each.done():
            each.cancel()
            await asyncio.wait([each], timeout=_CANCEL_AGAIN_S)


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s has ended", task.get_coro(), exc_info=error)
