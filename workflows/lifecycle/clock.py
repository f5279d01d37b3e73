"""The clock of a stage: it stands still while its agent waits for people.

1. It stops only where the server's record of the agent's activity says that something is asked
   (``agent.asks``). A message says no more than that it is worth a look, and a stage looks
   ``QUESTION_LOOKS_MAX`` times: beyond that its questions take of its time.
2. So it does while people decide on a call: that the workflow knows itself.
3. It goes on when the activity says so, when the phase has ended, and, whatever was said or not,
   when the answer is not waited for any longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import question_specs
from dsl.limits import QUESTION_LOOKS_MAX
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.stage_state import StageState

# Beyond ``park_after``: the way from the program to the end of its activity.
_SLACK: Final = timedelta(minutes=1)


class StageClock:
    """How long one stage has worked, and whether it works now."""

    def __init__(self, state: StageState) -> None:
        self._state = state
        self._is_told = False
        self._goes_on = False
        self._is_over = False
        self._stood = timedelta()
        self._since: datetime | None = None  # it stands still
        self._holds = 0  # for so many reasons

    @property
    def stood(self) -> timedelta:
        """How long it has stood still so far."""
        now = timedelta() if self._since is None else workflow.now() - self._since
        return self._stood + now

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stand still meanwhile (2)."""
        if not self._holds:
            self._since = workflow.now()
        self._holds += 1
        try:
            yield
        except GeneratorExit:  # the run is evicted: there is no clock any more
            raise
        except BaseException:
            self._goes()
            raise
        self._goes()

    def _goes(self) -> None:
        self._holds -= 1
        if not self._holds:
            self._stood, self._since = self.stood, None

    def look(self) -> None:
        """Be told that the agent asks (1)."""
        self._is_told, self._goes_on = True, False

    def go_on(self) -> None:
        """Be told that it works again, or that its phase has ended (3)."""
        self._goes_on = True

    def close(self) -> None:
        """Be told that the stage is over.

        Being cancelled is not enough for ``attend``: a wait with a time limit swallows a
        cancellation that comes as it returns (``asyncio.wait_for`` of Python 3.11).
        """
        self._is_over = self._goes_on = True

    async def attend(self) -> None:
        """Look whenever there is reason to, and stand still as long as the agent waits."""
        step = self._state.step
        most = timedelta(milliseconds=step.park_after_ms) + _SLACK
        for number in range(1, QUESTION_LOOKS_MAX + 1):
            await workflow.wait_condition(lambda: self._is_told or self._is_over)
            if self._is_over:
                return
            self._is_told = False
            try:
                found = await question_specs.asks(
                    question_specs.AsksRequest(),
                    activity_id=f"{step.path}/asks#{number}",
                    summary=Markdown.of("{}: what does it ask?", step.path),
                    local=True,
                )
            except ActivityError:
                continue
            if found.question is None or self._goes_on:
                continue
            with self.standing_still(), suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._goes_on,
                    timeout=most,
                    timeout_summary=Markdown.of("{}: its clock stands still", step.path),
                )

    async def within(self, limit: timedelta, done: Callable[[], bool], summary: Markdown) -> None:
        """Wait until ``done``.

        Raises:
            TimeoutError: the stage has worked for ``limit``.
        """
        while not done():
            worked = workflow.now() - self.stood
            await workflow.wait_condition(
                lambda: done() or self._since is not None,
                timeout=limit,
                timeout_summary=summary,
            )
            limit = max(timedelta(milliseconds=1), limit - (workflow.now() - self.stood - worked))
            await workflow.wait_condition(lambda: done() or self._since is None)
