"""A thousand stages side by side, a chain of three hundred, a thousand gates open at once.

On a stack and a worker process of their own, so that memory is what such a run takes. Figures are
printed: ``make stress`` shows them.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from temporalio.client import Client

from bench.activations import longest
from bench.subjects.parked import memory_mb
from bench.subjects.reports import report_cost
from bench.subjects.wide import Cost, cost, plan
from bench.workers import worker
from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from tests.fixtures.engine import page_of

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

ANN: Final = {"decision": "approve", "voter": "ann"}
STAGES: Final = 1_000
CHAIN: Final = 300
WORKER_MB_MAX: Final = 400
TASK_MS_MAX: Final = 500
PAGE_MIB_MAX: Final = 2.0
PAGE_S_MAX: Final = 2.0
HISTORY_EVENTS_MAX: Final = 51_200  # the server's


@dataclass(frozen=True, slots=True)
class Machine:
    """A stack and its worker."""

    client: Client
    worker: int
    server: int
    folder: Path

    async def cost(self, stages: int, *, chained: bool = False) -> Cost:
        document = plan(stages, chained=chained)
        figures = await cost(self.client, document, self.worker, self.server, self.folder)
        print(f"\n{figures}")
        return figures


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    settings = {"MANDATE_WORKSPACE": str(tmp_path), "MANDATE_GATE_IDENTITY": "claimed"}
    options = private_stack(tmp_path / "data", workers=(), settings=settings)
    async with Stack(options) as stack:
        client = await Client.connect(stack.env["TEMPORAL_ADDRESS"])
        async with worker("timed", stack) as pid:
            yield Machine(client, pid, stack.pid("temporal") or 0, stack.data_dir)


async def test_a_thousand_stages_side_by_side(machine: Machine):
    figures = await machine.cost(STAGES)

    assert figures.worker_mb_peak <= WORKER_MB_MAX
    assert figures.task_ms <= TASK_MS_MAX
    assert figures.events <= HISTORY_EVENTS_MAX / 5


async def test_the_page_of_a_run_of_a_hundred_stages(machine: Machine):
    figures = await report_cost(machine.client, machine.folder)
    print(f"\n{figures}")

    assert figures.mib <= PAGE_MIB_MAX
    assert figures.cpu_s <= PAGE_S_MAX  # what a busy machine adds nothing to


async def test_a_chain_of_three_hundred(machine: Machine):
    figures = await machine.cost(CHAIN, chained=True)

    assert figures.worker_mb_peak <= WORKER_MB_MAX
    assert figures.task_ms <= TASK_MS_MAX


async def test_a_thousand_gates_open_at_once(machine: Machine):
    names = [f"{'g' * 55}-{number}" for number in range(STAGES)]
    config = {"approvers": ["ann"], "timeout": "1h"}
    gates = [{"name": name, "type": "gate", "config": config} for name in names]
    handle = await machine.client.start_workflow(
        "Pipeline",
        {"name": "gates", "version": "1", "stages": gates},
        id=f"gates-{uuid.uuid4()}",
        task_queue="mandate",
    )
    begun = time.perf_counter()
    async with asyncio.timeout(60):
        while len((await handle.query("status"))["waiting_for"]) < STAGES:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    opened = time.perf_counter()
    rows = await handle.query("gates")
    page = await page_of(handle)
    shown = time.perf_counter()
    for name in names[:100]:
        await handle.execute_update("vote", {"gate": name, **ANN})
    for name in names[100:]:
        await handle.signal("vote", {"gate": name, **ANN})
    report = await handle.result()
    answered = time.perf_counter()

    events = [event async for event in handle.fetch_history_events()]
    task = longest(machine.folder)
    peak = memory_mb(machine.worker, "VmHWM")
    print(
        f"\n{STAGES} gates: open after {opened - begun:.1f} s, list and board "
        f"{shown - opened:.1f} s, answered in {answered - shown:.1f} s; {len(events)} events; "
        f"{task}; worker {peak:.0f} MB"
    )
    assert [row["gate"] for row in rows] == sorted(names)
    assert len(page) < 100_000
    assert len(report["approvals"]) == STAGES
    assert peak <= WORKER_MB_MAX
    assert task.wall_ms <= TASK_MS_MAX
    assert len(events) <= HISTORY_EVENTS_MAX / 2
