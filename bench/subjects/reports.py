"""What the page of a run of many stages costs whoever asks for it: one command, from start to end.

Time is on the clock and holds what the interpreter takes to load; of several tries the shortest
counts, for a machine that is busy only ever adds to it.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client

from bench.subjects.wide import plan

STAGES: Final = 100
TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class PageCost:
    """What one page took."""

    stages: int
    seconds: float
    cpu_s: float
    mib: float


async def report_cost(client: Client, data_dir: Path, *, stages: int = STAGES) -> PageCost:
    """Have a run of so many stages, and make its page."""
    handle = await client.start_workflow(
        "Pipeline", plan(stages), id=f"report-{uuid.uuid4()}", task_queue="mandate"
    )
    await handle.result()
    pages = [data_dir / f"report-{number}.html" for number in range(TRIES)]
    seconds, cpu_s = min([await _made(handle.id, page, data_dir) for page in pages])
    return PageCost(stages, seconds, cpu_s, _mib(pages[-1]))


async def _made(run: str, page: Path, data_dir: Path) -> tuple[float, float]:
    began, used = time.perf_counter(), _of_children()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mandate", "report", run, "-o", str(page)),
        *("--data-dir", str(data_dir)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return time.perf_counter() - began, _of_children() - used


def _of_children() -> float:
    """Return the CPU time of the children that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _mib(page: Path) -> float:
    return page.stat().st_size / (1 << 20)
