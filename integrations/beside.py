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


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End tasks, and return when they have."""
    for each in list(tasks):
        while not each.done():
            each.cancel()
            await asyncio.wait([each], timeout=_CANCEL_AGAIN_S)


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s has ended", task.get_coro(), exc_info=error)
