"""Reminders of a gate nobody has answered yet: timers, seen in the Web UI, and facts.

Reminding decides nothing and ends with the opening. ``REMINDERS_MAX`` per opening, then it is
quiet: whoever did not answer a hundred times is not waiting for one more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from dsl.durations import render_duration
from dsl.limits import REMINDERS_MAX
from dsl.surfaces import Markdown
from workflows.openings import Opening
from workflows.records import Records


async def remind(opening: Opening, records: Records, changed: Callable[[], None]) -> None:
    """Remind every so often, until cancelled."""
    every = opening.step.remind_every_ms
    if every is None:
        return
    path = opening.step.path
    while opening.reminders < REMINDERS_MAX:
        waited = render_duration(every)
        await workflow.sleep(
            timedelta(milliseconds=every),
            summary=Markdown.of("reminder {} of {} after {}", opening.reminders + 1, path, waited),
        )
        opening.reminders += 1
        records.note(
            "gate.reminded",
            gate=path,
            opening=opening.number,
            reminder=opening.reminders,
            waiting_for=opening.tally().detail,
        )
        changed()
