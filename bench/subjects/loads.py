"""A run of one agent stage against a bare run of eight activities: time, CPU, events."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from bench import bare
from bench.measure import AT_ONCE, Load, Start, events_of, load

ROUNDS: Final = 3
SINGLE: Final = 15
TOTAL: Final = 80
CHAIN: Final = 10


def pipeline(stages: int) -> dict[str, Any]:
    """Return a chain of agent stages."""
    return {
        "name": f"bench-{stages}",
        "version": "1",
        "stages": [
            {
                "name": f"s{n}",
                "type": "agent",
                "template": "default",
                "requires": [f"s{n - 1}"] if n else [],
            }
            for n in range(stages)
        ],
    }


def starter(client: Client, kind: str, arguments: list[Any], queue: str) -> Start:
    """Return what starts one run after another."""

    async def start() -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(
            kind, args=arguments, id=f"bench-{uuid.uuid4()}", task_queue=queue
        )

    return start


async def against_bare(
    client: Client, plain: int, engine: int, server: int, tell: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Load both in turn, for the server slows down as its store fills; medians of the rounds."""
    bare_start = starter(client, "BareSteps", [], bare.QUEUE)
    start = starter(client, "Pipeline", [pipeline(1)], "mandate")
    rounds: dict[str, list[Load]] = {"bare": [], "engine": []}
    for number in range(1, ROUNDS + 1):
        tell(f"round {number} of {ROUNDS}")
        rounds["bare"].append(await _load(bare_start, plain, server))
        rounds["engine"].append(await _load(start, engine, server))
    tell("counting events")
    return {
        "bare": {**_median(rounds["bare"]), "events": await _events(client, bare_start)},
        "engine": {**_median(rounds["engine"]), **await _marginal(client, start)},
    }


async def of_processes(client: Client, worker: int, server: int) -> dict[str, float]:
    """Measure the engine with a sandboxed process as agent."""
    start = starter(client, "Pipeline", [pipeline(1)], "mandate")
    return asdict(await _load(start, worker, server, total=TOTAL // 2))


async def _load(start: Start, worker: int, server: int, total: int = TOTAL) -> Load:
    return await load(
        start, single=SINGLE, total=total, at_once=AT_ONCE, worker=worker, server=server
    )


async def _marginal(client: Client, one: Start) -> dict[str, float]:
    ten = starter(client, "Pipeline", [pipeline(CHAIN)], "mandate")
    await _events(client, ten)  # the first run of a plan also makes its agents known
    first, last = await _events(client, one), await _events(client, ten)
    return {"events_1": first, "events_10": last, "marginal_events": (last - first) / (CHAIN - 1)}


async def _events(client: Client, start: Start) -> int:
    handle = await start()
    await handle.result()
    return await events_of(client, handle)


def _median(rounds: list[Load]) -> dict[str, float]:
    rows = [asdict(figures) for figures in rounds]
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}
