"""What became of somebody's vote, told to them where they gave it: tried until it is there.

1. The vote stands, whoever was told of it. What could not be told is tried again: when the service
   says to come back, but not at once, or after a while that grows to ``WAIT_S_MAX``.
2. Not beyond ``TELL_FOR_S``, nor beyond this process. What is refused, though a service is there,
   is tried for ``REFUSED_FOR_S``: somebody may mend that, but hardly while it is waited for, and
   who waits takes the place of somebody who is to be heard. Whoever presses again after that, or
   has the delivery sent again, is told the same.
3. One is told at a time, and of two answers at one place the later stands, whichever comes through
   first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from integrations.errors import IntegrationError, RateLimitedError, UnavailableError

TELL_FOR_S: Final = 3_000.0
REFUSED_FOR_S: Final = 60.0
WAIT_S: Final = 1.0
WAIT_S_MAX: Final = 60.0
PLACES_MAX: Final = 10_000
logger = logging.getLogger(__name__)

Tell = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was done for a delivery, and what is still to be told of it."""

    done: str  # in a sentence
    tell: Tell | None = None
    is_undone: bool = False  # nothing came of it for now: it may be delivered again
    is_settled: bool = False  # something has come of it, which the same once more does not change


class Answers:
    """Answers at places where each is made once, and edited from then on (3)."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._numbers = count()
        self._newest: OrderedDict[str, int] = OrderedDict()

    def of(self, place: str, put: Tell) -> Tell:
        """Return what puts an answer there, unless there is a later one by then."""
        number = self._newest[place] = next(self._numbers)
        self._newest.move_to_end(place)
        if len(self._newest) > PLACES_MAX:
            self._newest.popitem(last=False)

        async def tell() -> None:
            async with self._turn:
                if self._newest.get(place, number) == number:
                    await put()

        return tell


async def until_told(tell: Tell) -> None:
    """Tell somebody, as often as it takes.

    Raises:
        IntegrationError: they could not be told in time (2), and why.
    """
    until, wait, why = time.monotonic() + TELL_FOR_S, WAIT_S, "there was no time"
    refused_until = until
    try:
        while True:
            try:
                await tell()
            except IntegrationError as error:  # (1) later
                why = str(error)
                now = time.monotonic()
                pause = wait
                if isinstance(error, RateLimitedError):
                    pause = max(error.wait_s, WAIT_S)  # not at once, whatever it says
                if isinstance(error, UnavailableError):
                    refused_until = until
                else:  # (2) it is there, and says no
                    refused_until = min(refused_until, now + REFUSED_FOR_S)
                if now + pause > min(until, refused_until):
                    raise
            else:
                return
            wait = min(2 * wait, WAIT_S_MAX)
            await asyncio.sleep(pause)
    except asyncio.CancelledError:
        logger.warning("somebody was not told what became of their vote: %s", why)
        raise
