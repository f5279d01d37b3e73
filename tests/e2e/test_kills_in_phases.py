"""``kill -9`` of a worker in each of the eight phases, with eight runs at once.

1. They go on within three seconds: at the median, as one of them may meet a busy machine.
2. What carries that is in history, where no machine is busy: a lost workflow task is given up in
   time, and EXECUTE is failed by the next worker, before a heartbeat is missed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from statistics import median
from typing import Final

from temporalio.api.history.v1 import HistoryEvent

from dsl.core import AGENT_PHASES_ORDERED, AgentPhase
from dsl.rules.reconciliation.forged import WORKER_DIED
from integrations.ledger.verify import TAIL_MAX, tail, verify
from integrations.settings import read_settings
from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from mandate.stack.workers import DEFAULT_WORKERS, READY_LINE, WorkerProcess
from tests.fixtures.engine import pipeline, stage
from tests.fixtures.history import activities_in, failed_before, seconds
from tests.fixtures.stack import AGENT_STORY, result_of
from tests.integration.stack.probes import eventually
from worker import connect

PHASES: Final = tuple(phase.value for phase in AGENT_PHASES_ORDERED)
GOES_ON_S: Final = 3.0  # after a worker is there again, at the median
NOTICED_S: Final = 10.0  # after a kill: then Temporal may miss a heartbeat before a worker is there
GOES_ON_S_MAX: Final = 10.0  # each: sooner than a heartbeat is missed, 15 s
HELD_WORKER: Final = (sys.executable, "-m", "tests.fixtures.held_worker")
WORKERS: Final = (
    *(each for each in DEFAULT_WORKERS if each.name in ("ledger", "trust")),
    WorkerProcess("worker", ("mandate",), program=HELD_WORKER),
)


def when_done(events: list[HistoryEvent], activity_id: str) -> float:
    """Return when an activity had succeeded, by the server's clock."""
    [asked] = [each for each in activities_in(events) if each.id == activity_id]
    [done] = [
        event
        for event in events
        if (asked.is_local and event.event_id == asked.event)
        or event.activity_task_completed_event_attributes.scheduled_event_id == asked.event
    ]
    return seconds(done)


def task_timeout_s(events: list[HistoryEvent]) -> int:
    """Return after how long the server gives up a workflow task that a dead worker has taken."""
    return events[0].workflow_execution_started_event_attributes.workflow_task_timeout.seconds


async def test_a_run_goes_on_by_itself_whichever_phase_its_worker_was_killed_in(tmp_path: Path):
    held = tmp_path / "held"
    held.touch()
    settings = {"MANDATE_WORKSPACE": str(tmp_path)}
    options = private_stack(tmp_path / "data", workers=WORKERS, settings=settings)
    async with Stack(options) as stack:
        log = tmp_path / "data/logs/worker.log"
        here = read_settings(stack.env)
        client = await connect(here)
        runs = {
            phase: await client.start_workflow(
                "Pipeline",
                {"definition": pipeline(stage(phase.lower()))},
                id=f"killed-in-{phase.lower()}",
                task_queue="mandate",
            )
            for phase in PHASES
        }
        # One whose workflow task was lost on a busy machine is held twice.
        await eventually(lambda: set(held.read_text().split()) == set(PHASES))
        held.unlink()

        killed = time.time()
        os.kill(stack.pid("worker") or 0, signal.SIGKILL)
        await eventually(lambda: log.read_text().count(READY_LINE) == 2)
        ready = time.time()
        reports = {phase: await result_of(run) for phase, run in runs.items()}

        late = {}
        for phase, run in runs.items():
            child = client.get_workflow_handle(f"{run.id}/{phase.lower()}")
            events = [event async for event in child.fetch_history_events()]
            held_in = f"{phase.lower()}/{phase}#1"
            late[phase] = when_done(events, held_in) - ready
            assert task_timeout_s(events) < GOES_ON_S  # (2) given up in time
            if phase == AgentPhase.EXECUTE.value and ready - killed < NOTICED_S:
                assert failed_before(events, held_in) == WORKER_DIED  # (2) by the next worker
        assert median(late.values()) <= GOES_ON_S, late
        assert {phase: s for phase, s in late.items() if s > GOES_ON_S_MAX} == {}
        assert {r["stages"][p.lower()]["attempts"] for p, r in reports.items()} == {1}
        assert verify(here.ledger).problems == ()
        entries = tail(here.ledger, TAIL_MAX)
        for phase, run in runs.items():
            stage_id = f"{run.id}/{phase.lower()}"
            story = [e.action for e in entries if e.workflow_id == stage_id]
            assert [each for each in story if each != "lease.granted"] == AGENT_STORY
