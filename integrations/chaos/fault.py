"""What every fault is: something done, seen to have happened, and undone.

1. ``strike`` returns when it is done; what it could not do raises, and leaves nothing behind.
2. ``fired`` is looked at from outside, at what was struck, and not at what ``strike`` believes.
3. ``undo`` may be called at any time and as often as one likes, also of what never struck.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

from integrations.errors import IntegrationError

LOOK_EVERY_S: Final = 0.02
SEEN_WITHIN_S: Final = 5.0


class NotOursError(IntegrationError):
    """A target that was not started for the experiment: nothing is done to it."""


class Fault(ABC):
    """One fault, ready to strike."""

    @abstractmethod
    async def strike(self) -> None:
        """Do it (1).

        Raises:
            NotOursError: what it would be done to is not ours, or gone.
            IntegrationError: it cannot be done.
        """

    @abstractmethod
    async def fired(self) -> bool:
        """Tell whether it happened (2)."""

    async def undo(self) -> None:
        """Take it back, where there is something to take back (3)."""
        return


async def seen(holds: Callable[[], Awaitable[bool]], within_s: float = SEEN_WITHIN_S) -> bool:
    """Look until ``holds`` does, and tell whether it did in time."""
    end = time.monotonic() + within_s
    while not await holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
    return True
