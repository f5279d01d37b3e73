"""Ten thousand runs that wait at a gate of one worker: what they cost, and how fast one wakes.

Started at a bounded rate and waited for until the last one is parked. Wake-up is the time from
before the vote is sent until the server has started the next activity, over a sample spread
evenly, so that most of the sample has long left the worker's cache.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from bench.measure import vote_to_activity_ms

STARTS_AT_ONCE: Final = 50
PARKED_WITHIN_S: Final = 900.0
DOCUMENT: Final[dict[str, Any]] = {
    "name": "bench-parked",
    "version": "1",
    "stages": [
        {"name": "review", "type": "gate", "config": {"approvers": ["ann"], "timeout": "24h"}}
    ],
}
VOTE: Final = {"gate": "review", "decision": "approve", "voter": "ann"}


@dataclass(frozen=True, slots=True)
class Parked:
    """What so many waiting runs cost."""

    runs: int
    parked_per_s: float
    worker_mb_before: float
    worker_mb: float
    worker_mb_peak: float
    wake_p50_ms: float
    wake_p99_ms: float


async def parked(
    client: Client, worker: int, runs: int, *, sample: int, tell: Callable[[str], None]
) -> Parked:
    """Park ``runs`` runs, wake a sample of them."""
    before = memory_mb(worker, "VmRSS")
    begun = time.perf_counter()
    handles = await _start(client, runs)
    await _until_parked(client, runs, tell)
    seconds = time.perf_counter() - begun
    held = memory_mb(worker, "VmRSS")
    tell(f"waking {sample}")
    times = [
        await vote_to_activity_ms(handle, VOTE) for handle in handles[:: max(1, runs // sample)]
    ]
    peak = memory_mb(worker, "VmHWM")
    return Parked(
        runs=runs,
        parked_per_s=runs / seconds,
        worker_mb_before=before,
        worker_mb=held,
        worker_mb_peak=peak,
        wake_p50_ms=statistics.median(times),
        wake_p99_ms=sorted(times)[int(len(times) * 0.99)],
    )


def memory_mb(pid: int, field: str) -> float:
    """Return one line of a process's memory account."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, f"no {field} of {pid}"
    return int(found.group(1)) / 1024


async def _start(client: Client, runs: int) -> Sequence[WorkflowHandle[Any, Any]]:
    turn = asyncio.Semaphore(STARTS_AT_ONCE)

    async def one() -> WorkflowHandle[Any, Any]:
        async with turn:
            return await client.start_workflow(
                "Pipeline", DOCUMENT, id=f"parked-{uuid.uuid4()}", task_queue="mandate"
            )

    return await asyncio.gather(*(one() for _ in range(runs)))


async def _until_parked(client: Client, runs: int, tell: Callable[[str], None]) -> None:
    """Wait until every run shows its gate, and then until nothing is written any more."""
    query = 'MandateGates = "review" AND ExecutionStatus = "Running"'
    async with asyncio.timeout(PARKED_WITHIN_S):
        while (count := (await client.count_workflows(query)).count) < runs:
            tell(f"{count:,} of {runs:,}")
            await asyncio.sleep(1)
    await asyncio.sleep(10)
