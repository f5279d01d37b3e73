"""Denials of one stage on their way to the ledger: at once, and no agent waits for it.

A denial has no effect that it would have to stand before, so it goes with the next record, and the
next may be hours away, or never be. The rules:

1. The first is recorded at once, in the background. After a record the next one rests, each time
   twice as long, up to ``REST_MS_MAX``: a thousand denials are a handful of records.
2. What another record has taken along meanwhile is not waited for.
3. A record that fails is tried again after the next rest; what it would have said is kept.
4. Once the stage takes no more calls nothing rests.
5. The end of the stage waits for no record of a denial: one that is under way is ended, and goes
   with the last word of the stage under the names it was sent by. A run that has left it under way
   goes on so.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from dsl import actions
from dsl.shown.surfaces import Markdown
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.runtime.cancellation import CLEANING, stop_each
from workflows.runtime.moment import now_ms
from workflows.tools.call_facts import DECIDED, Decision, tells_exactly

REST_MS_MAX: Final = 60_000
PATCH: Final = "denials-end-with-their-stage"
_FIRST_MS: Final = 1_000


class Denials:
    """What one stage was denied."""

    def __init__(self, stage: str, records: LedgerBuffer) -> None:
        self._stage = stage
        self._records = records
        self._telling: asyncio.Task[None] | None = None
        self._told = 0  # records of its own
        self._told_ms = 0  # when the last one was made
        self._is_over = False

    def note(self, decision: Decision, why: str) -> None:
        """Note that a call was denied."""
        is_told = decision.is_of_table and tells_exactly()
        policy = {"policy": decision.ruling.policy.value} if is_told else {}
        self._note(**decision.facts(), **policy, why=why)

    def note_no_call(self, ordinal: int, name: str, why: str) -> None:
        """Note that what was asked for is no call."""
        when = {DECIDED: now_ms()} if tells_exactly() else {}
        self._note(ordinal=ordinal, call=name, **when, why=why)

    def end(self) -> None:
        """Rest no more (4)."""
        self._is_over = True

    async def stop(self) -> asyncio.CancelledError | None:
        """Have no record under way any more (5); return the cancel that came meanwhile."""
        telling = self._telling
        if telling is None or telling.done() or not workflow.patched(PATCH):
            return None
        return await stop_each((telling,))

    def _note(self, **said: Any) -> None:
        self._records.note(actions.TOOL_DENIED, **said)
        if tells_exactly() and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._waits():
            await self._rest()
            if not self._waits():  # (2) another record has them
                return
            self._told += 1
            try:
                await self._records.flush(f"calls of {self._stage} denied", give_up_after=CLEANING)
            except ActivityError:
                if self._is_over:  # (5) the end of the stage takes them
                    return
            finally:  # (3) the next one has what this has not told
                self._told_ms = now_ms()

    def _waits(self) -> bool:
        return any(each.action == actions.TOOL_DENIED for each in self._records.unrecorded)

    async def _rest(self) -> None:
        """Wait for as long as one record is behind the other (1)."""
        left_ms = self._told_ms + rest_after(self._told) - now_ms()
        if left_ms <= 0:
            return
        try:
            await workflow.wait_condition(
                lambda: self._is_over,
                timeout=timedelta(milliseconds=left_ms),
                timeout_summary=Markdown.of("{}: denials on their way", self._stage),
            )
        except TimeoutError:
            return


def rest_after(told: int) -> int:
    """Return how many milliseconds are between a record and the next, after so many (1)."""
    return min(_FIRST_MS << min(told - 1, 20), REST_MS_MAX) if told else 0
