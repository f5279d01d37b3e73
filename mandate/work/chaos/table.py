"""What came of experiments, as a table: by fault and phase, and what became of the runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dsl.chaos.catalogue import AGENTS
from dsl.core import AGENT_PHASES_ORDERED, ChaosCondition, OutputType
from dsl.shown.surfaces import Terminal
from mandate.columns import columns
from mandate.work.chaos.journal import Journal, RunRecord

HEAD: Final = ("FAULT", "PHASE", "RUNS", "FIRED", "VIOLATIONS", "RECOVERED", "P50", "P99")
OF_RUNS: Final = (
    *("RUN", "STRUCK IN", "ENDED", "OBJECTIVE", "CLARIFIED"),
    *(name.upper() for name in AGENTS),
)
BEGINS: Final = "<!-- begin of the table -->"
ENDS: Final = "<!-- end of the table -->"
ANYWHERE: Final = "-"
PHASES: Final = (*(phase.value for phase in AGENT_PHASES_ORDERED), ANYWHERE)
_COMPLETED: Final = "completed"


@dataclass
class Row:
    """One fault in one phase."""

    fault: str
    phase: str
    runs: int = 0
    fired: int = 0
    violations: int = 0
    completed: int = 0
    recovered_ms: list[int] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table."""
        counts = map(str, (self.runs, self.fired, self.violations, self.completed))
        half, most = (_seconds(self.recovered_ms, share) for share in (50, 99))
        return (self.fault, self.phase, *counts, half, most)


def rows(journals: Iterable[Journal]) -> list[Row]:
    """Return the rows, by fault and phase."""
    found: dict[tuple[str, str], Row] = {}
    for journal in journals:
        for record in journal.faults:
            for number, run in enumerate(journal.runs):
                place = record.planned.places[number]
                phase = place.partition("/")[2] or ANYWHERE
                key = (str(record.planned.fault), phase)
                row = found.setdefault(key, Row(*key))
                row.runs += record.planned.happens
                row.fired += run.id in record.struck
                row.completed += run.status == _COMPLETED
                row.violations += sum(_tells_of(run.id, each) for each in journal.violations)
                is_alone = len(journal.faults) == 1  # what two cost is the time of neither
                if run.recovered_ms is not None and run.id in record.struck and is_alone:
                    row.recovered_ms.append(run.recovered_ms)
    return [found[key] for key in sorted(found)]


def rows_of(journals: Sequence[Journal]) -> Iterator[Terminal]:
    """Yield the table for a terminal."""
    yield from columns([HEAD, *(row.cells() for row in rows(journals))])


def told(journal: Journal) -> Iterator[Terminal]:
    """Yield what is to be said of one experiment besides."""
    yield from columns([OF_RUNS, *(_of_run(run) for run in journal.runs)])
    for record in journal.faults:
        if record.note or not record.fired:
            what = record.note or "it was not seen to happen"
            yield Terminal.of("{}: {}", record.planned.fault, what)
    steady = {**journal.steady_before, **journal.steady_after}
    for name in (name for name, why in steady.items() if why):
        yield Terminal.of("{} does not hold: {}", name, steady[name])
    if journal.aborted:
        yield Terminal.of("given up: {}", journal.aborted)
    if journal.unjudged:
        yield Terminal.of("NOT JUDGED, for the judge could not look: {}", journal.unjudged)
    for violation in journal.violations:
        yield Terminal.of("VIOLATION {}", violation, limit=1_000)


def matrix(journals: Sequence[Journal]) -> Iterator[tuple[str, ...]]:
    """Yield the head and a row for each fault: in how many runs it was seen, by phase, and more."""
    cells = rows(journals)
    yield (*("fault", "runs", "fired"), *PHASES, *("violations", "completed", "p50", "p99"))
    for name in sorted({row.fault for row in cells}):
        own = [row for row in cells if row.fault == name]
        fired = {row.phase: row.fired for row in own}
        recovered = [ms for row in own for ms in row.recovered_ms]
        yield (
            name,
            str(sum(row.runs for row in own)),
            str(sum(fired.values())),
            *(str(fired.get(phase) or ANYWHERE) for phase in PHASES),
            str(sum(row.violations for row in own)),
            str(sum(row.completed for row in own)),
            *(_seconds(recovered, share) for share in (50, 99)),
        )


def markdown(journals: Sequence[Journal], facts: Mapping[str, Any]) -> str:
    """Return the table for a document, with what it was made from."""
    head, *found = matrix(journals)
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in found]
    return "\n".join([f"{summary(journals, facts)}.", "", *lines]) + "\n"


def summary(journals: Sequence[Journal], facts: Mapping[str, Any]) -> str:
    """Return in one line what a table was made from, and what it says in all."""
    kills = [
        row for row in rows(journals) if row.fault == ChaosCondition.WORKER_DEATH and row.fired
    ]
    back = [ms for row in kills for ms in row.recovered_ms]
    unjudged = sum(bool(each.unjudged) for each in journals)
    said = {
        **facts,
        "runs": sum(len(each.runs) for each in journals),
        "experiments": len(journals),
        "violations": sum(len(each.violations) for each in journals),
        "unsteady": sum(not each.is_steady for each in journals),
        **({"not judged": unjudged} if unjudged else {}),
        "recovery of a worker kill p99": _seconds(back, 99),
    }
    return ", ".join(f"{name} {value}" for name, value in said.items())


def write_table(path: Path, text: str) -> None:
    """Write the table between its marks in a page, or as a page where there are none."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if begins and ends:
        text = f"{before}{BEGINS}\n{text}{ENDS}{after}"
    path.write_text(text, encoding="utf-8")


def _tells_of(run_id: str, violation: str) -> bool:
    """Tell whether a violation names a run, and not another whose id begins or ends like that."""
    return re.search(rf"(?<![\w-]){re.escape(run_id)}(?![\w-])", violation) is not None


def _of_run(run: RunRecord) -> tuple[str, ...]:
    """Return the line of one run: what it put out, by agent, as alpha/beta/gamma."""
    outputs = [
        "/".join(str(run.outputs.get(agent, {}).get(kind, 0)) for kind in OutputType)
        for agent in AGENTS
    ]
    reached = "reached" if run.objective else "not reached"
    clarified = str(run.clarified or ANYWHERE)
    return (run.id, run.place or ANYWHERE, run.status, reached, clarified, *outputs)


def _seconds(values: Sequence[int], share: int) -> str:
    if not values:
        return ANYWHERE
    ordered = sorted(values)
    place = min(len(ordered) - 1, len(ordered) * share // 100)
    return f"{ordered[place] / 1000:.2f} s"
