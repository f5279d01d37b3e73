"""Cleaning up must finish: a cancel request waits for it, and is then obeyed.

It is bounded by ``CLEANING``, however many attempts that leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import Any, Final, TypeVar

from dsl.limits import EXIT_TIMEOUT_MS

CLEANING: Final = timedelta(milliseconds=EXIT_TIMEOUT_MS)

T = TypeVar("T")


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end even when the caller is cancelled meanwhile.

    Raises:
        asyncio.CancelledError: the caller was cancelled; ``work`` has finished.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
    if cancelled is not None:
        task.exception()  # seen: the cancel outranks it
        raise cancelled
    return task.result()


async def stop(task: asyncio.Task[Any]) -> asyncio.CancelledError | None:
    """Cancel ``task`` and wait until it has cleaned up; its outcome is nobody's concern.

    Returns the cancel request that reached the caller meanwhile: it waits for the end as well,
    and the caller must obey it.
    """
    task.cancel()
    return await finish(task)


async def stop_each(tasks: Iterable[asyncio.Task[Any]]) -> asyncio.CancelledError | None:
    """Stop ``tasks``, one after the other; return what ``stop`` does."""
    cancelled: asyncio.CancelledError | None = None
    for task in tuple(tasks):
        cancelled = await stop(task) or cancelled
        _ = task.cancelled() or task.exception()  # seen
    return cancelled


async def finish(task: asyncio.Task[Any]) -> asyncio.CancelledError | None:
    """Wait until ``task`` has ended, as ``stop`` does."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
