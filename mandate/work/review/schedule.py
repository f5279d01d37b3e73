"""``mandate review schedule``: the shipped pipeline again and again, by a Schedule of Temporal.

1. One at a time: where a review is under way, or waits for its people, the next one is skipped. So
   what is open is not opened a second time; and what was answered is known to the next
   (``workflows.review_again``).
2. What was learned is that of when the schedule was made; make it anew to learn more.
3. There is one schedule for a path; making it anew changes how often, and with which checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.specs import QUEUE, REVIEW_AGAIN_WORKFLOW
from dsl.shown.surfaces import Terminal
from dsl.values.durations import parse_duration, render_duration
from mandate.people.door import enter, temporal
from mandate.people.errors import UsageError, no_run
from mandate.stack import environment
from mandate.terminal import say
from mandate.work.review.council import inputs_of, place_in

EVERY_MS_MIN: Final = 60_000
CATCHUP: Final = timedelta(minutes=1)


def begin(path: str, every: str, checks: str, *, data_dir: Path | None) -> int:
    """Make the schedule, or change the one there is."""
    env = environment.present(data_dir)
    return enter("review schedule", _begin(env, path, every, checks))


def end(path: str, *, data_dir: Path | None) -> int:
    """End the schedule."""
    return enter("review schedule", _end(environment.present(data_dir), path))


def schedule_id(path: str) -> str:
    """Return the name of the schedule of a path (3)."""
    return f"mandate-review:{path}"


async def _begin(env: Mapping[str, str], path: str, every: str, checks: str) -> int:
    try:
        every_ms = parse_duration(every)
    except ValueError as error:
        raise UsageError("--every: {}", error) from None
    if every_ms < EVERY_MS_MIN:
        raise UsageError("--every: at least {}", render_duration(EVERY_MS_MIN))
    inputs = await asyncio.to_thread(inputs_of, env, path, checks)
    made = _schedule(inputs, timedelta(milliseconds=every_ms))
    client = await temporal(env)
    name = schedule_id(inputs["path"])
    try:
        await client.create_schedule(name, made)
    except ScheduleAlreadyRunningError:

        def changed(_found: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(made)

        await client.get_schedule_handle(name).update(changed)
    often = render_duration(every_ms)
    say(Terminal.of("{} is reviewed every {}, one at a time", inputs["path"], often))
    say(Terminal.of("see     {}", Terminal.command("temporal schedule describe -s {}", name)))
    return 0


async def _end(env: Mapping[str, str], path: str) -> int:
    name = schedule_id(place_in(env, path))  # the folder itself may be gone
    client = await temporal(env)
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise no_run(client, name, "schedule", "temporal schedule list") from None
        raise
    say(Terminal.of("{} is not reviewed any more", path))
    return 0


def _schedule(inputs: Mapping[str, str], every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            REVIEW_AGAIN_WORKFLOW,
            dict(inputs),
            id=f"review-of/{inputs['path']}",
            task_queue=QUEUE,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        # (1) one at a time
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCHUP),
    )
