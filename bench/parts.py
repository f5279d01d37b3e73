"""The parts of the benchmark, and how far each goes.

A part has workers of its own, so that any of them can be run alone. Its seconds are what it takes
on two quiet cores: they tell the time left, and bound nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from temporalio.client import Client

from bench.progress import Progress
from bench.subjects.agents import agent_ms
from bench.subjects.beats import beat_figures
from bench.subjects.breakers import guard_figures
from bench.subjects.budgets import count_figures
from bench.subjects.gates import gate_ms
from bench.subjects.ledger import ledger_figures
from bench.subjects.loads import against_bare, of_processes
from bench.subjects.parked import parked
from bench.subjects.proofs import proof_ms
from bench.subjects.rates import compile_ms, ledger_rate
from bench.subjects.reports import report_cost
from bench.subjects.revocations import revocation_ms
from bench.subjects.tools import Shop, tool_figures
from bench.subjects.wide import wide
from bench.workers import worker
from mandate.stack.up import Stack


@dataclass(frozen=True, slots=True)
class Sizes:
    """How far the parts go that have no end of their own."""

    parked: int
    woken: int
    revocations: int
    wide: int
    entries: int  # of a ledger
    calls: int  # of one stage


QUICK: Final = Sizes(parked=1_000, woken=50, revocations=6, wide=200, entries=100_000, calls=200)
FULL: Final = Sizes(
    parked=10_000, woken=200, revocations=20, wide=1_000, entries=1_000_000, calls=1_000
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part is given."""

    client: Client
    stack: Stack
    sizes: Sizes
    progress: Progress

    @property
    def server(self) -> int:
        """Return the pid of the Temporal server."""
        return self.stack.pid("temporal") or 0


Figures = dict[str, Any]  # by name; the figures of a candidate are a table of their own


@dataclass(frozen=True, slots=True)
class Part:
    """One part."""

    run: Callable[[Bench], Awaitable[Figures]]
    quick_s: float
    full_s: float


async def _rates(bench: Bench) -> Figures:
    return {
        "compile_1000_ms": compile_ms(),
        "ledger_per_s": await ledger_rate(bench.stack.data_dir / "rate.db"),
    }


async def _ledger(bench: Bench) -> Figures:
    return {"ledger": ledger_figures(bench.stack.data_dir, bench.sizes.entries)}


async def _load(bench: Bench) -> Figures:
    async with worker("bare", bench.stack) as plain, worker("engine", bench.stack) as engine:
        return await against_bare(bench.client, plain, engine, bench.server, bench.progress.tell)


async def _gate(bench: Bench) -> Figures:
    async with worker("bare", bench.stack), worker("engine", bench.stack):
        return await gate_ms(bench.client)


async def _process(bench: Bench) -> Figures:
    async with worker("process", bench.stack) as pid:
        return {"process": await of_processes(bench.client, pid, bench.server)}


async def _agents(bench: Bench) -> Figures:
    folder = bench.stack.data_dir / "agents"
    folder.mkdir()
    return {"agents": await agent_ms(folder)}


async def _revocation(bench: Bench) -> Figures:
    async with worker("process", bench.stack) as pid:
        times = await revocation_ms(
            bench.client,
            bench.stack.env,
            bench.stack.data_dir,
            pid,
            rounds=bench.sizes.revocations,
            tell=bench.progress.tell,
        )
    return {"revocation": times}


async def _proofs(bench: Bench) -> Figures:
    return {"proofs": await proof_ms(bench.stack.env, bench.stack.data_dir)}


async def _breakers(bench: Bench) -> Figures:
    env = bench.stack.env
    return {"breakers": await guard_figures(env), "budgets": await count_figures(env)}


async def _beats(bench: Bench) -> Figures:
    return {"beats": await beat_figures(bench.stack.env, bench.stack.pid("valkey") or 0)}


async def _wide(bench: Bench) -> Figures:
    async with worker("timed", bench.stack) as pid:
        figures = await wide(
            bench.client,
            pid,
            bench.server,
            bench.stack.data_dir,
            stages=bench.sizes.wide,
            tell=bench.progress.tell,
        )
    return {"wide": figures}


async def _report(bench: Bench) -> Figures:
    async with worker("timed", bench.stack):
        return {"report": asdict(await report_cost(bench.client, bench.stack.data_dir))}


async def _tools(bench: Bench) -> Figures:
    data = bench.stack.data_dir
    shop = Shop(data.with_name("shop"))
    await shop.pin(bench.stack.env)
    async with worker("calls", bench.stack, shop.settings):
        sizes, tell = bench.sizes, bench.progress.tell
        figures = await tool_figures(bench.client, shop, data, many=sizes.calls, tell=tell)
    return {"tools": figures}


async def _parked(bench: Bench) -> Figures:
    async with worker("engine", bench.stack) as pid:
        sizes = bench.sizes
        figures = await parked(
            bench.client, pid, sizes.parked, sample=sizes.woken, tell=bench.progress.tell
        )
    return {"parked": asdict(figures)}


PARTS: Final = {
    "rates": Part(_rates, 2, 2),
    "ledger": Part(_ledger, 6, 60),
    "load": Part(_load, 100, 100),
    "gate": Part(_gate, 30, 30),
    "process": Part(_process, 25, 25),
    "agents": Part(_agents, 6, 6),
    "revocation": Part(_revocation, 25, 80),
    "proofs": Part(_proofs, 3, 3),
    "breakers": Part(_breakers, 7, 7),
    "beats": Part(_beats, 15, 15),
    "tools": Part(_tools, 40, 90),
    "wide": Part(_wide, 80, 300),
    "report": Part(_report, 20, 20),
    "parked": Part(_parked, 60, 340),
}
