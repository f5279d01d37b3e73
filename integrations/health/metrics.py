"""What is measured, as Prometheus reads it: every name, and the text of a page.

1. Every name stands here and in docs/operations.md, with what it means; none is ever renamed.
2. A value of a label is a word of ours or the name of a circuit: nothing of an agent, a person, a
   run or a file, and no detail of a failure. Whoever reads the page learns how many and how well.
3. Of what was not looked at yet there is no line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from dsl.rules.health.breaker import CircuitState
from dsl.rules.health.vitality import Vitality
from integrations.health.monitor import Vital
from integrations.health.probes.sighting import Figure


class Metric(NamedTuple):
    """One metric: what it counts, and the label it has, if any."""

    kind: str
    means: str
    label: str = ""


GAUGE: Final = "gauge"
COUNTER: Final = "counter"
METRICS: Final[Mapping[str, Metric]] = {
    "mandate_health_state": Metric(GAUGE, "0 alive, 1 suspect, 2 dead, -1 not known", "what"),
    "mandate_health_changes_total": Metric(COUNTER, "changes of that state", "what"),
    "mandate_health_look_seconds": Metric(GAUGE, "what the last look took", "what"),
    "mandate_ready": Metric(GAUGE, "1 when all that this process needs is there"),
    "mandate_circuit_state": Metric(
        GAUGE, "0 closed, 1 half-open, 2 open, 3 forced open, 4 forced closed", "circuit"
    ),
    "mandate_disk_free_bytes": Metric(GAUGE, "free on the disk of ledger or artefacts", "of"),
    "mandate_clock_skew_seconds": Metric(GAUGE, "how far a server's clock is ahead", "of"),
    "mandate_agents": Metric(GAUGE, "agents at work by their beats", "state"),
    "mandate_orphaned_leases": Metric(GAUGE, "held for runs that are over, of those looked at"),
    "mandate_orphaned_processes": Metric(GAUGE, "agents' processes whose worker is gone"),
    "mandate_disputed_runs": Metric(GAUGE, "runs that ever were in dispute with the ledger"),
    "mandate_disputed_runs_new": Metric(GAUGE, "of these, the ones of the last seven days"),
    "mandate_orphaned_credentials": Metric(GAUGE, "ended by the last sweep"),
    "mandate_stuck_secrets": Metric(GAUGE, "past their end, and kept by their system"),
    "mandate_sweep_age_seconds": Metric(GAUGE, "since the last sweep has completed"),
    "mandate_wedged_runs": Metric(GAUGE, "runs whose workflow tasks fail"),
    "mandate_queue_pollers": Metric(GAUGE, "workers that serve the queue", "queue"),
    "mandate_queue_wait_seconds": Metric(GAUGE, "age of the oldest task of the queue", "queue"),
    "mandate_ledger_lag_seconds": Metric(GAUGE, "for how long an entry waits to be recorded"),
    "mandate_sdk_metrics": Metric(GAUGE, "1 when the metrics of Temporal's SDK follow below"),
}
_STATES: Final = {
    Vitality.UNKNOWN: -1,
    Vitality.ALIVE: 0,
    Vitality.SUSPECT: 1,
    Vitality.DEAD: 2,
}
_CIRCUITS: Final = {
    CircuitState.CLOSED: 0,
    CircuitState.HALF_OPEN: 1,
    CircuitState.OPEN: 2,
    CircuitState.FORCED_OPEN: 3,
    CircuitState.FORCED_CLOSED: 4,
}


def figures_of(vitals: Iterable[Vital]) -> Iterator[Figure]:
    """Return all numbers of what was looked at."""
    for vital in vitals:
        yield Figure("mandate_health_state", _STATES[vital.state], vital.name)
        yield Figure("mandate_health_changes_total", vital.changes, vital.name)
        yield Figure("mandate_health_look_seconds", round(vital.took_s, 6), vital.name)
        yield from vital.figures


def figures_of_circuits(states: Mapping[str, CircuitState]) -> Iterator[Figure]:
    """Return the states of circuits as numbers."""
    for name, state in states.items():
        yield Figure("mandate_circuit_state", _CIRCUITS[state], name)


def text_of(figures: Iterable[Figure]) -> str:
    """Return the figures as Prometheus reads them, by metric, in the order of ``METRICS``."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for each in figures:
        found[each.metric][each.label] = each.value  # of two queues of one process the last look
    lines = []
    for name, metric in METRICS.items():
        if name not in found:  # (3) no line
            continue
        lines += [f"# HELP {name} {metric.means}", f"# TYPE {name} {metric.kind}"]
        for label, value in found[name].items():
            of = f'{{{metric.label}="{_escaped(label)}"}}' if metric.label else ""
            lines.append(f"{name}{of} {value:g}" if value < _EXACT else f"{name}{of} {value:.0f}")
    return "".join(f"{line}\n" for line in lines)


_EXACT: Final = 1e6  # beyond it ``g`` would round


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
