"""Reminders of a gate nobody has answered yet: timers, seen in the Web UI, and facts.

Reminding decides nothing and ends with the opening. ``REMINDERS_MAX`` per opening, and
``REMINDERS_OF_RUN_MAX`` for all gates of a run, then it is quiet: whoever did not answer a hundred
times is not waiting for one more, and each fills the run's history.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from dsl.limits import REMINDERS_MAX, REMINDERS_OF_RUN_MAX
from dsl.shown.surfaces import Markdown
from dsl.values.durations import render_duration
from workflows.gates.opening import Opening
from workflows.ledger.ledger_buffer import LedgerBuffer


class Reminders:
    """Reminds of the gates of one run."""

    def __init__(self, records: LedgerBuffer) -> None:
        self._records = records
        self._left = REMINDERS_OF_RUN_MAX

    async def of(self, opening: Opening) -> None:
        """Remind every so often, until cancelled."""
        every = opening.step.remind_every_ms
        if every is None:
            return
        path = opening.step.path
        while opening.reminders < REMINDERS_MAX and self._left > 0:
            waited, number = render_duration(every), opening.reminders + 1
            self._left -= 1
            await workflow.sleep(
                timedelta(milliseconds=every),
                summary=Markdown.of("reminder {} of {} after {}", number, path, waited),
            )
            opening.reminders += 1
            self._records.note(
                "gate.reminded",
                gate=path,
                opening=opening.number,
                reminder=opening.reminders,
                waiting_for=opening.tally().detail,
            )
