"""The time limit of an agent at work, which stands still while it waits for others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Standing:
    """A time limit that several may stop; it goes on when nobody does any more."""

    def __init__(self, limit: asyncio.Timeout) -> None:
        self._limit = limit
        self._stopped = 0
        self._left_s = 0.0

    async def still(self, waiting: Awaitable[T]) -> tuple[T, float]:
        """Return what ``waiting`` does, and how many seconds are left then as before."""
        now = asyncio.get_running_loop().time
        if not self._stopped:
            self._left_s = max(0.0, (self._limit.when() or now()) - now())
            self._limit.reschedule(None)
        self._stopped += 1
        try:
            return await waiting, self._left_s
        finally:
            self._stopped -= 1
            if not self._stopped:
                self._limit.reschedule(now() + self._left_s)
