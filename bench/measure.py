"""How runs are timed and counted."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

Start = Callable[[], Awaitable[WorkflowHandle[Any, Any]]]
AT_ONCE = 20
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """Figures of one candidate."""

    p50_ms: float
    p99_ms: float
    runs_per_s: float
    worker_cpu_ms: float  # per run, under load
    server_cpu_ms: float


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def load(
    start: Start, *, single: int, total: int, at_once: int, worker: int, server: int
) -> Load:
    """Time ``single`` runs one after another, then ``total`` runs ``at_once`` at a time."""
    for _ in range(5):
        await (await start()).result()
    times = []
    for _ in range(single):
        begun = time.perf_counter()
        await (await start()).result()
        times.append((time.perf_counter() - begun) * 1000)
    before = cpu_s(worker), cpu_s(server)
    begun = time.perf_counter()
    await _at_once(start, total, at_once)
    seconds = time.perf_counter() - begun
    return Load(
        p50_ms=statistics.median(times),
        p99_ms=sorted(times)[int(len(times) * 0.99)],
        runs_per_s=total / seconds,
        worker_cpu_ms=(cpu_s(worker) - before[0]) * 1000 / total,
        server_cpu_ms=(cpu_s(server) - before[1]) * 1000 / total,
    )


async def _at_once(start: Start, total: int, at_once: int) -> None:
    left = iter(range(total))

    async def one() -> None:
        for _ in left:
            await (await start()).result()

    await asyncio.gather(*(one() for _ in range(at_once)))


async def events_of(client: Client, handle: WorkflowHandle[Any, Any]) -> int:
    """Count the events of a run and of its children."""
    count = 0
    async for event in handle.fetch_history_events():
        count += 1
        if event.HasField("child_workflow_execution_started_event_attributes"):
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            count += await events_of(
                client, client.get_workflow_handle(child.workflow_id, run_id=child.run_id)
            )
    return count


async def vote_to_activity_ms(handle: WorkflowHandle[Any, Any], vote: dict[str, str]) -> float:
    """Time from before the signal is sent until the server has started the next activity."""
    sent = time.time_ns()
    await handle.signal("vote", vote)
    await handle.result()
    is_after = False
    async for event in handle.fetch_history_events():
        is_after = is_after or event.HasField("workflow_execution_signaled_event_attributes")
        if is_after and event.HasField("activity_task_started_event_attributes"):
            return (event.event_time.ToNanoseconds() - sent) / 1e6
    raise ValueError("no activity started after the signal")
