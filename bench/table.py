"""The figures as people read them, each beside its bar where it has one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bench.measure import AT_ONCE

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure has to keep: ``path`` ÷ ``over``, where there is something it is held against.

    A path is ``candidate.name``, or the name alone.
    """

    title: str
    path: str
    most: float | None = None
    least: float | None = None
    over: str | None = None
    unit: str = ""

    def value(self, figures: Figures) -> float | None:
        """Return the figure; None: its part did not run."""
        value = _at(figures, self.path)
        if value is None or self.over is None:
            return value
        base = _at(figures, self.over)
        return None if base is None else value / base

    def row(self, value: float) -> tuple[str, str, str]:
        """Return what is said: the figure, its bar, and its value."""
        digits = 0 if abs(value) >= 10 else 2 if self.over else 1
        shown = f"{value:,.{digits}f}{self.unit}"
        if self.most is not None:
            bar, missed = f"<= {self.most:,g}{self.unit}", value > self.most
        elif self.least is not None:
            bar, missed = f">= {self.least:,g}{self.unit}", value < self.least
        else:
            return self.title, "", shown
        return self.title, bar, f"{shown}, missed" if missed else shown


BARS: Final = (
    Bar(
        "events of a further agent stage / a bare run's",
        "engine.marginal_events",
        0.85,
        over="bare.events",
    ),
    Bar(f"runs/s at {AT_ONCE} / bare", "engine.runs_per_s", least=0.75, over="bare.runs_per_s"),
    Bar("worker CPU of a run / bare", "engine.worker_cpu_ms", 1.6, over="bare.worker_cpu_ms"),
    Bar(
        "vote to the next activity, p50 / bare", "engine.gate_p50_ms", 1.3, over="bare.gate_p50_ms"
    ),
    Bar("compile 1,000 stages", "compile_1000_ms", 150, unit=" ms"),
    Bar("ledger appends/s, synchronous=FULL", "ledger_per_s", least=15_000),
    Bar("... entries verified/s, CPU of one core", "ledger.verify_per_s", least=100_000),
    Bar("... / SHA-256 of the same bytes", "ledger.verify_per_s", over="ledger.sha_per_s"),
    Bar("... entries of that ledger", "ledger.entries"),
    Bar("... opened, to its head", "ledger.open_ms", 50, unit=" ms"),
    Bar("... proof of an entry", "ledger.proof_ms", 10, unit=" ms"),
    Bar("verify the signature of a vote, p50", "proofs.verify_ms", 5, unit=" ms"),
    Bar("read the person and one group, p50", "proofs.read_ms", unit=" ms"),
    Bar(
        "start of an agent in its sandbox, over a subprocess",
        "agents.start_over_ms",
        50,
        unit=" ms",
    ),
    Bar("... of one that begins while no keeper is ready", "agents.unready_over_ms", unit=" ms"),
    Bar("... until nothing of it is left, over a subprocess", "agents.run_over_ms", unit=" ms"),
    Bar("a log of 1,000 lines as an artefact", "agents.log_ms", 5, unit=" ms"),
    Bar("guard of a closed circuit, p50", "breakers.guard_p50_ms", 1, unit=" ms"),
    Bar("... p99", "breakers.guard_p99_ms", unit=" ms"),
    # The first second is asked at its beginning: six times within five seconds.
    Bar("... asks of the store a second, of one worker", "breakers.asks_per_s", 1.2),
    Bar("error counted for a budget, p50", "budgets.count_p50_ms", 1, unit=" ms"),
    Bar("... p99", "budgets.count_p99_ms", unit=" ms"),
    Bar("1,000 agents beating: who watches them, % of a core", "beats.watching_percent", 5),
    Bar("... the store", "beats.store_percent"),
    Bar("... their workers, all together", "beats.beating_percent"),
    Bar("revocation: credentials dead, p50", "revocation.credentials_dead_p50_ms", 100, unit=" ms"),
    Bar("... p99", "revocation.credentials_dead_p99_ms", unit=" ms"),
    Bar("... the agent's process gone, p50", "revocation.process_gone_p50_ms", 2_000, unit=" ms"),
    Bar("... p99", "revocation.process_gone_p99_ms", unit=" ms"),
    Bar("... receipt complete, p50", "revocation.receipt_complete_p50_ms", unit=" ms"),
    Bar("... p99", "revocation.receipt_complete_p99_ms", unit=" ms"),
    Bar(
        "a call of a tool that is allowed, over asking its server, p50",
        "tools.added_p50_ms",
        25,
        unit=" ms",
    ),
    Bar("... the call, p99", "tools.call_p99_ms", unit=" ms"),
    Bar("... events of history", "tools.events_a_call"),
    Bar("calls in one stage", "tools.many"),
    Bar("... events of its history, of 51,200", "tools.many_events", 51_200),
    Bar("... its history, of 50 MB", "tools.many_history_mb", 50, unit=" MB"),
    Bar("agents calling at once", "tools.agents_at_once"),
    Bar("... one call, p50", "tools.at_once_p50_ms", unit=" ms"),
    Bar("... calls a second", "tools.at_once_per_s"),
    Bar("stages side by side", "wide.stages"),
    Bar(
        "... CPU of one / of one among 50",
        "wide.stage_cpu_ms",
        1.2,
        over="wide.narrow_stage_cpu_ms",
    ),
    Bar("... time on the clock / of one among 50", "wide.stage_ms", over="wide.narrow_stage_ms"),
    Bar("... memory of the worker, peak", "wide.worker_mb_peak", 400, unit=" MB"),
    Bar("... longest workflow task", "wide.task_ms", 500, unit=" ms"),
    Bar("page of a run, of stages", "report.stages"),
    Bar("... made by mandate report, all in all", "report.seconds", 2, unit=" s"),
    Bar("... CPU of that", "report.cpu_s", unit=" s"),
    Bar("... its size", "report.mib", 2, unit=" MiB"),
    Bar("runs parked at gates of one worker", "parked.runs"),
    Bar("... parked a second", "parked.parked_per_s"),
    Bar("... memory of the worker, peak", "parked.worker_mb_peak", 500, unit=" MB"),
    Bar("... waking one, p50", "parked.wake_p50_ms", 50, unit=" ms"),
    Bar("... p99", "parked.wake_p99_ms", unit=" ms"),
)

_CANDIDATES: Final = ("bare", "engine", "process")
_LOADS: Final = (
    ("p50 ms, one at a time", "p50_ms"),
    ("p99 ms, one at a time", "p99_ms"),
    (f"runs/s, {AT_ONCE} at once", "runs_per_s"),
    ("worker CPU ms per run", "worker_cpu_ms"),
    ("server CPU ms per run", "server_cpu_ms"),
)


def table(figures: Figures) -> str:
    """Return Markdown for ``docs/benchmarks.md``, of the parts that ran."""
    of = figures["of"]
    lines = [
        f"Made on commit `{of['commit']}`, {of['day']}, {of['cores']} cores, load {of['load']}.",
        *_loads(figures),
        "",
        "| figure | bar | measured |",
        "|---|---|---|",
    ]
    for bar in BARS:
        value = bar.value(figures)
        if value is not None:
            lines.append(f"| {' | '.join(bar.row(value))} |")
    return "\n".join(lines)


def _loads(figures: Figures) -> Iterator[str]:
    names = [name for name in _CANDIDATES if "p50_ms" in figures.get(name, {})]
    if not names:
        return
    yield ""
    yield f"| | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    for title, key in _LOADS:
        yield f"| {title} | {' | '.join(f'{figures[name][key]:.1f}' for name in names)} |"


def _at(figures: Figures, path: str) -> float | None:
    value: Any = figures
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) else None
