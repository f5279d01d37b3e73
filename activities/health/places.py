"""How many of a kind are at work at once in this process, and what becomes of who comes then.

The rules (docs/adr/0054):

1. A worker takes far more activities than it has places for agents, or for calls of tools. An agent
   at work waits for its calls, and what revokes it is an activity as well: were there one kind of
   place, agents that hold the last of them would wait for each other for good.
2. Who finds no place stands in line for ``IN_LINE_S``. Then he is told to come again, as where a
   service is asked for too much: another worker may have a place, and his is not kept here.
3. A phase stands in line before anything else: no circuit counts that as slow, and no lease runs.
4. What the ledger has said of its agent grows old meanwhile: what it says there is as old as it is
   once a place was found.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, Final, TypeVar

from activities.contracts import messages
from dsl.core import AgentPhase
from integrations.errors import RateLimitedError

P = TypeVar("P", bound=Any)  # the class of a phase, which has equipment
Phase = Callable[[P, messages.PhaseRequest], Awaitable[messages.PhaseResult]]

AGENTS_MAX: Final = 50
CALLS_MAX: Final = 50
IN_LINE_S: Final = 30.0
COME_AGAIN_S: Final = 1.0


class Places:
    """Places for one kind of work."""

    def __init__(self, what: str, most: int, in_line_s: float = IN_LINE_S) -> None:
        """``what`` is at work, in the plural."""
        self._what = what
        self._most = most
        self._in_line_s = in_line_s
        self._free = asyncio.Semaphore(most)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[int]:
        """Hold one of them; say how many milliseconds that took.

        Raises:
            RateLimitedError: none became free in time (2).
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._in_line_s):
                await self._free.acquire()
        except TimeoutError:
            raise RateLimitedError(
                f"{self._most} {self._what} are at work at this worker: start another worker, or "
                "wait until one has ended",
                COME_AGAIN_S,
            ) from None
        try:
            yield int((time.monotonic() - began) * 1000)
        finally:
            self._free.release()


def at_a_place(phase: AgentPhase) -> Callable[[Phase[P]], Phase[P]]:
    """Have the program of a phase wait for a place (3)."""

    def outer(function: Phase[P]) -> Phase[P]:
        @wraps(function)
        async def inner(self: P, request: messages.PhaseRequest) -> messages.PhaseResult:
            if phase not in request.step.phases or request.heard is not None:  # no program of ours
                return await function(self, request)
            async with self._equipment.places.one() as waited_ms:
                # (4) or what the ledger has said would pass as new
                return await function(self, _aged(request, waited_ms))

        return inner

    return outer


def _aged(request: messages.PhaseRequest, waited_ms: int) -> messages.PhaseRequest:
    """Return it with the word of the ledger as old as if the attempt had begun just now (4)."""
    known = request.authority
    aged = known.model_copy(update={"at_ms": known.at_ms - waited_ms})
    return request.model_copy(update={"authority": aged})
