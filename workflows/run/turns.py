"""When the next stage of a run may start: a plan may have a thousand that are ready at once.

1. At most ``AGENTS_AT_ONCE_MAX`` agents are at work; the next in line starts when one has ended.
2. At most ``STARTS_PER_TASK_MAX`` stages start in one workflow task: the SDK gives up on one that
   computes too long. A timer lies between two groups, because nothing less ends a task. It is one
   for all that wait, and they go on together: what they change is shown once.
3. Paused, no further stage starts; what is under way goes on.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow

from dsl.limits import AGENTS_AT_ONCE_MAX, STARTS_PER_TASK_MAX
from dsl.shown.surfaces import Markdown

_A_MOMENT: Final = timedelta(milliseconds=1)


class Turns:
    """The turns of one run."""

    def __init__(self) -> None:
        self.agents = asyncio.Semaphore(AGENTS_AT_ONCE_MAX)  # (1) so many at work
        self._task = -1
        self._started = 0
        self._next: asyncio.Task[None] | None = None
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    @property
    def paused(self) -> bool:
        """Tell whether no further stage starts (3)."""
        return not self._goes_on.is_set()

    def pause(self, *, paused: bool) -> None:
        """Start no further stage, or go on (3)."""
        if paused:
            self._goes_on.clear()
        else:
            self._goes_on.set()

    async def start(self) -> None:
        """Return when one more stage may start (2) (3)."""
        while not self._has_room():
            if self._next is None or self._next.done():
                self._next = asyncio.create_task(_next_task())
            await asyncio.wait((self._next,))
        self._started += 1
        while self.paused:
            await self._goes_on.wait()

    def _has_room(self) -> bool:
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._started = task, 0
        return self._started < STARTS_PER_TASK_MAX


async def _next_task() -> None:
    await workflow.sleep(_A_MOMENT, summary=Markdown("the next stages start"))
