"""What a stage costs in a wide plan, against one of fifty.

A plan of fifty is measured before and after the wide one: the server slows down as its store fills.
Cost is CPU time of worker and server together; time on the clock is printed beside it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from bench.activations import longest
from bench.measure import cpu_s
from bench.subjects.parked import memory_mb

NARROW: Final = 50


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a plan took."""

    stages: int
    seconds: float
    stage_ms: float
    stage_cpu_ms: float  # worker and server
    worker_mb_peak: float  # since the worker started
    task_ms: float  # the longest the worker spent on one workflow task
    task_cpu_ms: float
    events: int  # of the run itself
    history_mb: float


def plan(stages: int, *, chained: bool = False) -> dict[str, Any]:
    """Return a document with agents of its own: side by side, or one after another."""
    return {
        "name": f"wide-{uuid.uuid4().hex[:8]}",
        "version": "1",
        "stages": [
            {
                "name": f"s{number}",
                "type": "agent",
                "template": "default",
                "requires": [f"s{number - 1}"] if chained and number else [],
            }
            for number in range(stages)
        ],
    }


async def cost(
    client: Client, document: dict[str, Any], worker: int, server: int, folder: Path
) -> Cost:
    """Run ``document`` to its end."""
    stages = len(document["stages"])
    longest(folder)
    before = cpu_s(worker) + cpu_s(server)
    begun = time.perf_counter()
    handle = await client.start_workflow(
        "Pipeline", document, id=f"wide-{uuid.uuid4()}", task_queue="mandate"
    )
    report = await handle.result()
    seconds = time.perf_counter() - begun
    used = cpu_s(worker) + cpu_s(server) - before
    statuses = {row["status"] for row in report["stages"].values()}
    assert statuses == {"completed"}, statuses
    events = [event async for event in handle.fetch_history_events()]
    task = longest(folder)
    return Cost(
        stages=stages,
        seconds=seconds,
        stage_ms=seconds * 1000 / stages,
        stage_cpu_ms=used * 1000 / stages,
        worker_mb_peak=memory_mb(worker, "VmHWM"),
        task_ms=task.wall_ms,
        task_cpu_ms=task.cpu_ms,
        events=len(events),
        history_mb=sum(event.ByteSize() for event in events) / 1e6,
    )


async def wide(
    client: Client,
    worker: int,
    server: int,
    folder: Path,
    *,
    stages: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Measure a plan of ``stages`` between narrow ones."""
    tell("warming up")
    await cost(client, plan(NARROW), worker, server, folder)
    tell(f"{NARROW} side by side")
    narrow = [await cost(client, plan(NARROW), worker, server, folder)]
    tell(f"{stages:,} side by side")
    broad = await cost(client, plan(stages), worker, server, folder)
    tell(f"{NARROW} side by side")
    narrow.append(await cost(client, plan(NARROW), worker, server, folder))
    return {
        **asdict(broad),
        "narrow_stage_cpu_ms": sum(each.stage_cpu_ms for each in narrow) / len(narrow),
        "narrow_stage_ms": sum(each.stage_ms for each in narrow) / len(narrow),
    }
