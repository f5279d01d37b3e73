"""The figures as people read them, and the ratios that have a bar."""

from __future__ import annotations

from typing import Any

from bench.measure import AT_ONCE


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """The figures that have a bar."""
    plain, engine = figures["bare"], figures["engine"]
    return {
        "marginal_events (<= 1.45)": engine["marginal_events"] / plain["events"],
        "runs_per_s (>= 0.6)": engine["runs_per_s"] / plain["runs_per_s"],
        "gate_p50 (<= 1.5)": engine["gate_p50_ms"] / plain["gate_p50_ms"],
    }


def table(figures: dict[str, Any]) -> str:
    """Return the table people read."""
    names = ("bare", "engine", "process")
    rows = [
        ("p50 ms, one at a time", "p50_ms"),
        ("p99 ms, one at a time", "p99_ms"),
        (f"runs/s, {AT_ONCE} at once", "runs_per_s"),
        ("worker CPU ms per run", "worker_cpu_ms"),
        ("server CPU ms per run", "server_cpu_ms"),
    ]
    lines = [
        "one run = 8 activities (bare), 1 agent stage (engine: trivial agent in the worker's",
        "process, no secrets; process: sandboxed program)",
        "",
        f"{'':28}" + "".join(f"{name:>10}" for name in names),
        *(
            f"{title:28}" + "".join(f"{figures[name][key]:>10.1f}" for name in names)
            for title, key in rows
        ),
        "",
        f"events: bare run {figures['bare']['events']}, engine 1 stage "
        f"{figures['engine']['events_1']}, marginal {figures['engine']['marginal_events']:.1f}",
        f"vote at a gate to next activity, p50 ms: bare {figures['bare']['gate_p50_ms']:.1f}, "
        f"engine {figures['engine']['gate_p50_ms']:.1f}",
        *(f"ratio {name}: {value:.2f}" for name, value in figures["ratios"].items()),
        f"compile 1,000 stages (<= 150 ms): {figures['compile_1000_ms']:.0f} ms",
        f"ledger appends/s, synchronous=FULL (>= 5000): {figures['ledger_per_s']:.0f}",
        f"a proof: signature (<= 5 ms) {figures['proofs']['verify_ms']:.1f} ms, "
        f"person and one group {figures['proofs']['read_ms']:.1f} ms",
        _revocation(figures["revocation"]),
        _wide(figures["wide"]),
        _parked(figures["parked"]),
    ]
    return "\n".join(lines)


def _wide(row: dict[str, float]) -> str:
    return (
        f"a stage among {row['stages']:.0f} side by side: {row['stage_cpu_ms']:.0f} ms CPU, "
        f"{row['ratio']:.2f} of one among 50 (<= 1.2); on the clock {row['stage_ms']:.0f} ms, "
        f"{row['ratio_ms']:.2f}; worker peak {row['worker_mb_peak']:.0f} MB (<= 400), longest "
        f"workflow task {row['task_ms']:.0f} ms (<= 500), {row['events']:.0f} events"
    )


def _parked(row: dict[str, float]) -> str:
    return (
        f"{row['runs']:.0f} runs parked at gates of one worker ({row['parked_per_s']:.0f}/s): "
        f"{row['worker_mb']:.0f} MB, peak {row['worker_mb_peak']:.0f} (<= 500); "
        f"wake-up p50 {row['wake_p50_ms']:.0f} ms (<= 50), p99 {row['wake_p99_ms']:.0f}"
    )


def _revocation(row: dict[str, float]) -> str:
    def both(name: str) -> str:
        return f"{row[f'{name}_p50_ms']:.0f} ({row[f'{name}_p99_ms']:.0f})"

    return (
        f"revocation while 8 threads use its tokens, from its start, p50 (p99) ms: credentials "
        f"dead {both('credentials_dead')} (<= 100), process gone {both('process_gone')} "
        f"(<= 2000), receipt complete {both('receipt_complete')}"
    )
