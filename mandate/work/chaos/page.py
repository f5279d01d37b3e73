"""One HTML page of experiments, with nothing from elsewhere: a timeline of each run, as SVG.

1. A lane for each agent: its phases as bars, in the colour of the maturity of what they put out;
   the gate between; every fault as a line over all lanes.
2. Whatever is written was escaped.
3. At most ``SHOWN_MAX`` experiments are drawn, those that failed first; the table tells of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from dsl.chaos.catalogue import AGENTS
from dsl.core import AgentPhase, OutputType, get_output_type_for_phase
from mandate.work.chaos.journal import FaultRecord, Journal, RunRecord
from mandate.work.chaos.table import matrix, summary

SHOWN_MAX: Final = 60
RUNS_SHOWN_MAX: Final = 8
_WIDTH, _LEFT, _LANE, _GAP, _TOP = 900, 96, 20, 6, 18
_COLOURS: Final = {
    OutputType.ALPHA: "#c6dbef",
    OutputType.BETA: "#6baed6",
    OutputType.GAMMA: "#2171b5",
}
_STYLE: Final = """
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;color:#1f2328}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.15rem .6rem;text-align:left;
border-bottom:1px solid #d0d7de}td:nth-child(n+3){text-align:right}
h2{margin:1.6rem 0 .2rem;font-size:1.05rem}.bad{color:#b42318}.well{color:#1a7f37}
svg text{font:11px system-ui,sans-serif;fill:#1f2328}.q{fill:#59636e}
svg{display:block;margin:.4rem 0}
"""


def write_page(path: Path, journals: Sequence[Journal], facts: Mapping[str, Any]) -> None:
    """Write the page."""
    path.write_text("".join(_page(journals, facts)), encoding="utf-8")


def _page(journals: Sequence[Journal], facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>Chaos</title><style>{_STYLE}"
    yield "</style><h1>Experiments of chaos</h1><p>"
    yield escape(summary(journals, facts))
    head, *found = matrix(journals)
    yield "<table><tr>" + "".join(f"<th>{escape(name)}" for name in head)
    for row in found:
        yield "<tr>" + "".join(f"<td>{escape(cell)}" for cell in row)
    yield f"</table><p>{_key()}"
    shown = sorted(journals, key=lambda each: each.is_well)[:SHOWN_MAX]  # (3) what failed first
    for journal in shown:
        yield from _experiment(journal)
    if len(shown) < len(journals):
        yield f"<p>{len(journals) - len(shown)} more that held are not drawn."


def _key() -> str:
    colours = " ".join(
        f'<svg width="12" height="12" style="display:inline"><rect width="12" height="12" '
        f'fill="{colour}"/></svg> {kind.value}'
        for kind, colour in _COLOURS.items()
    )
    return f"A bar is a phase, in the colour of what it puts out: {colours}. A red line is a fault."


def _experiment(journal: Journal) -> Iterator[str]:
    word, kind = ("held", "well") if journal.is_well else ("did not hold", "bad")
    yield f"<h2>{escape(journal.experiment)}, seed {journal.seed}: "
    yield f'<span class="{kind}">{word}</span></h2>'
    for violation in journal.violations:
        yield f'<p class="bad">{escape(violation)}'
    for run in journal.runs[:RUNS_SHOWN_MAX]:
        yield from _run(run, journal.faults)


def _run(run: RunRecord, faults: Sequence[FaultRecord]) -> Iterator[str]:
    last = max([when for done in run.phases.values() for _, when in done], default=run.ended_ms)
    end = max(run.ended_ms, last, run.began_ms + 1)
    span = end - run.began_ms

    def at(moment: int) -> float:
        inside = min(max(moment, run.began_ms), end)
        return _LEFT + (inside - run.began_ms) * (_WIDTH - _LEFT - 8) / span

    height = _TOP + len(AGENTS) * (_LANE + _GAP) + 4
    reached = "objective reached" if run.objective else "objective not reached"
    said = f"{run.id}: {run.status}, {reached}, {span / 1000:.1f} s"
    yield f'<svg width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(said)}">'
    yield f'<text x="0" y="11" class="q">{escape(said)}</text>'
    for number, agent in enumerate(AGENTS):
        yield from _lane(run, agent, _TOP + number * (_LANE + _GAP), at)
    for fault in faults:
        if run.id in fault.struck:
            x, name = at(fault.at_ms), escape(fault.planned.fault.value)
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height}" stroke="#cf222e" '
            yield f'stroke-width="1.5"><title>{name}</title></line>'
            yield f'<text x="{min(x + 3, _WIDTH - 90):.1f}" y="{height - 3}">{name}</text>'
    yield "</svg>"


def _lane(run: RunRecord, agent: str, y: int, at: Any) -> Iterator[str]:
    yield f'<text x="0" y="{y + 14}">{escape(agent)}</text>'
    done = run.phases.get(agent, [])
    began = run.began_ms if not done or agent != AGENTS[-1] else _opened(run)
    for phase, when in done:
        kind = get_output_type_for_phase(AgentPhase(phase))
        colour = _COLOURS[kind] if kind else "#d0d7de"
        x, width = at(began), max(1.0, at(when) - at(began))
        yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_LANE}" fill="{colour}" '
        yield f'stroke="#fff"><title>{escape(phase)}</title></rect>'
        began = when
    counts = run.outputs.get(agent, {})
    told = " ".join(f"{kind.value} {counts.get(kind.value, 0)}" for kind in OutputType)
    yield f"<title>{escape(f'{agent}: {told}')}</title>"


def _opened(run: RunRecord) -> int:
    """Return when the gate before the last agent was passed, as far as its phases tell."""
    before = [when for agent in AGENTS[:-1] for _, when in run.phases.get(agent, ())]
    return max(before, default=run.began_ms)
