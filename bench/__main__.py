"""``make bench``: prints a table and writes ``bench-result.json``.

One Temporal server, one OpenBao, one Valkey serve all candidates, which are loaded in turn, three
rounds; the figures are medians. ``engine`` runs a trivial agent in the worker's process and reads
no secrets: what is measured is the engine. ``process`` runs the shipped ``inventory`` program in
its sandbox. Figures are ratios against the baseline of the same run; absolute ones are the
machine's.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

from bench import bare
from bench.measure import AT_ONCE, Load, Start, events_of, load, vote_to_activity_ms
from bench.parked import parked
from bench.proofs import proof_ms
from bench.revocations import revocation_ms
from bench.table import ratios, table
from bench.wide import wide
from bench.workers import worker
from dsl.compiler import compile_text
from dsl.core import Tier
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from mandate._entry import run_main
from mandate.stack.options import private_stack
from mandate.stack.up import Stack

RESULT = Path("bench-result.json")
ROUNDS = 3
GATES = 40
PARKED = 10_000


def pipeline(stages: int) -> dict[str, Any]:
    """A chain of agent stages."""
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


GATED: dict[str, Any] = {
    "name": "bench-gate",
    "version": "1",
    "stages": [
        {"name": "review", "type": "gate", "config": {"approvers": ["ann"], "timeout": "1h"}},
        {"name": "after", "type": "agent", "template": "default", "requires": ["review"]},
    ],
}


async def main() -> int:
    """Run everything once."""
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as folder:
        data = Path(folder)
        figures: dict[str, Any] = {"compile_1000_ms": compile_ms()}
        figures["ledger_per_s"] = await ledger_rate(data / "rate.db")
        options = private_stack(
            data / "data", workers=(), settings={"MANDATE_WORKSPACE": str(data)}
        )
        async with Stack(options) as stack:
            client = await Client.connect(stack.env["TEMPORAL_ADDRESS"])
            server = stack.pid("temporal") or 0
            async with worker("bare", stack) as plain, worker("engine", stack) as engine:
                rounds = [await one_round(client, plain, engine, server) for _ in range(ROUNDS)]
                figures["bare"] = await bare_figures(client, [bare for bare, _ in rounds])
                figures["engine"] = await engine_figures(client, [ours for _, ours in rounds])
                gates = await gate_ms(
                    {
                        "bare": _starter(client, "BareGate", [], bare.QUEUE),
                        "engine": _starter(client, "Pipeline", [GATED], "mandate"),
                    }
                )
                for name, times in gates.items():
                    figures[name] |= times
            async with worker("process", stack) as pid:
                figures["process"] = await process_figures(client, pid, server)
                figures["revocation"] = await revocation_ms(client, stack.env, stack.data_dir, pid)
            figures["proofs"] = await proof_ms(stack.env, stack.data_dir)
            async with worker("engine", stack) as pid:
                figures["wide"] = await wide(client, pid, server, stack.data_dir)
            async with worker("engine", stack) as pid:
                figures["parked"] = asdict(await parked(client, pid, PARKED))
    figures["ratios"] = ratios(figures)
    print(table(figures))
    RESULT.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")  # noqa: ASYNC240  # the last act
    return 0


async def one_round(client: Client, plain: int, engine: int, server: int) -> tuple[Load, Load]:
    """Load baseline and engine in turn: the server slows down as its store fills."""
    return (
        await load(
            _starter(client, "BareSteps", [], bare.QUEUE),
            single=15,
            total=80,
            at_once=AT_ONCE,
            worker=plain,
            server=server,
        ),
        await load(
            _starter(client, "Pipeline", [pipeline(1)], "mandate"),
            single=15,
            total=80,
            at_once=AT_ONCE,
            worker=engine,
            server=server,
        ),
    )


def median_of(rounds: list[Load]) -> dict[str, float]:
    """The median of each figure over the rounds."""
    rows = [asdict(figures) for figures in rounds]
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


async def bare_figures(client: Client, rounds: list[Load]) -> dict[str, Any]:
    """Complete the baseline's figures."""
    start = _starter(client, "BareSteps", [], bare.QUEUE)
    handle = await start()
    await handle.result()
    return {**median_of(rounds), "events": await events_of(client, handle)}


async def engine_figures(client: Client, rounds: list[Load]) -> dict[str, Any]:
    """Complete the engine's figures."""
    one = _starter(client, "Pipeline", [pipeline(1)], "mandate")
    ten = _starter(client, "Pipeline", [pipeline(10)], "mandate")
    counts = []
    for start in (one, ten, ten):  # the first run of a plan also makes its agents known
        handle = await start()
        await handle.result()
        counts.append(await events_of(client, handle))
    return {
        **median_of(rounds),
        "events_1": counts[0],
        "events_10": counts[2],
        "marginal_events": (counts[2] - counts[0]) / 9,
    }


async def process_figures(client: Client, pid: int, server: int) -> dict[str, Any]:
    """Measure the engine with a sandboxed process as agent."""
    start = _starter(client, "Pipeline", [pipeline(1)], "mandate")
    figures: Load = await load(
        start, single=15, total=40, at_once=AT_ONCE, worker=pid, server=server
    )
    return asdict(figures)


async def gate_ms(candidates: dict[str, Start]) -> dict[str, dict[str, float]]:
    """Park runs at gates, answer them in turn; p50 and p99 from the vote to the next activity."""
    parked = {name: [await start() for _ in range(GATES)] for name, start in candidates.items()}
    await asyncio.sleep(8)  # all parked, their own start-up behind them
    vote = {"gate": "review", "decision": "approve", "voter": "ann"}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(GATES):
        for name, handles in parked.items():
            times[name].append(await vote_to_activity_ms(handles[number], vote))
    return {
        name: {"gate_p50_ms": statistics.median(each), "gate_p99_ms": max(each)}
        for name, each in times.items()
    }


def compile_ms() -> float:
    """Compile 1,000 stages from YAML text, best of five."""
    import yaml  # noqa: PLC0415  # only to write the document

    text = yaml.safe_dump(pipeline(1000))
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        compile_text(text, "bench.yaml")
        times.append((time.perf_counter() - begun) * 1000)
    return min(times)


async def ledger_rate(path: Path, *, producers: int = 256, each: int = 80) -> float:
    """Append from many tasks at once; every append is acknowledged when it is on disk."""
    with Ledger(path) as ledger:

        async def produce(number: int) -> None:
            for count in range(each):
                await ledger.append(
                    [
                        Draft(
                            key=f"bench/{number}/{count}",
                            workflow_id="bench",
                            run_id="bench",
                            agent="bench",
                            tier=Tier.T0,
                            action="bench.appended",
                            payload={
                                "number": number,
                                "count": count,
                                "digest": "sha256:" + "0" * 64,
                            },
                        )
                    ]
                )

        begun = time.perf_counter()
        await asyncio.gather(*(produce(number) for number in range(producers)))
        return producers * each / (time.perf_counter() - begun)


def _starter(client: Client, kind: str, arguments: list[Any], queue: str) -> Start:
    async def start() -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(
            kind, args=arguments, id=f"bench-{uuid.uuid4()}", task_queue=queue
        )

    return start


if __name__ == "__main__":
    run_main(main())
