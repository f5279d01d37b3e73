"""One HTML page of experiments, with nothing from elsewhere: a timeline of each run, as SVG.

1. A lane for each agent: its phases as bars, in the colour of the maturity of what they put out;
   a lane for the gate between, while it was open; a line over all lanes for every fault that was
   seen to strike this run.
2. Whatever is written was escaped.
3. At most ``SHOWN_MAX`` experiments are drawn, those that failed first; the table tells of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from dsl.chaos.catalogue import AGENTS, GATE
from dsl.core import AgentPhase, OutputType, get_output_type_for_phase
from dsl.shown.surfaces import Html
from dsl.shown.timeline import TIMELINE_STYLE, Lane, Span, Stroke, swatch, timeline
from mandate.work.chaos.journal import FaultRecord, Journal, RunRecord
from mandate.work.chaos.table import matrix, summary

SHOWN_MAX: Final = 60
RUNS_SHOWN_MAX: Final = 8
_STYLE: Final = f"""{TIMELINE_STYLE}
:root{{color-scheme:light dark}}
body{{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}}
table{{border-collapse:collapse;margin:1rem 0;font-size:12px}}
td,th{{padding:.1rem .4rem;text-align:right;border-bottom:1px solid #d0d7de;white-space:nowrap}}
td:first-child,th:first-child{{text-align:left}}th{{font-size:10.5px}}
h2{{margin:1.6rem 0 .2rem;font-size:1.05rem}}.bad{{color:#b42318}}.well{{color:#1a7f37}}
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


def _key() -> Html:
    kinds = (Html.of("{} {}", swatch(kind.value), kind) for kind in OutputType)
    return Html.of(
        "A bar is a phase, in the colour of what it puts out: {}; beside it, how many of each. {} "
        "is a gate while it is open. A red line is a fault that struck this run.",
        *(Html.joined(" ", kinds), swatch("wait")),
    )


def _experiment(journal: Journal) -> Iterator[str]:
    word, kind = ("held", "well") if journal.is_well else ("did not hold", "bad")
    if journal.unjudged and not journal.has_failed:
        word, kind = "could not be judged", "bad"
    yield f"<h2>{escape(journal.experiment)}, seed {journal.seed}: "
    yield f'<span class="{kind}">{word}</span></h2>'
    if journal.unjudged:
        yield f'<p class="bad">the judge could not look: {escape(journal.unjudged)}'
    for violation in journal.violations:
        yield f'<p class="bad">{escape(violation)}'
    for run in journal.runs[:RUNS_SHOWN_MAX]:
        yield _run(run, journal.faults)


def _run(run: RunRecord, faults: Sequence[FaultRecord]) -> Html:
    last = max([when for done in run.phases.values() for _, when in done], default=run.ended_ms)
    end = max(run.ended_ms, last, run.began_ms + 1)
    reached = "objective reached" if run.objective else "objective not reached"
    lasted = f"{(end - run.began_ms) / 1000:.1f} s"
    plan = f"plan clarified {run.clarified} times, " if run.clarified else ""
    said = Html.of("{}: {}, {}, {}{}", run.id, run.status, reached, plan, lasted)
    hit = [each for each in faults if run.id in each.struck]
    struck = [Stroke(each.at_ms, each.planned.fault.value) for each in hit]
    *halves, last_lane = (_lane(run, agent) for agent in AGENTS)
    opened = [Span(since, until, "wait", "open") for since, until in run.gates]
    lanes = [*halves, Lane(GATE, opened), last_lane]
    drawn = timeline(f"run {run.id}", run.began_ms, end, lanes, struck)
    return Html.of("<p>{}</p>{}", said, drawn)


def _lane(run: RunRecord, agent: str) -> Lane:
    done = run.phases.get(agent, [])
    began = run.began_ms if not done or agent != AGENTS[-1] else _opened(run)
    spans = []
    for phase, when in done:
        kind = get_output_type_for_phase(AgentPhase(phase))
        spans.append(Span(began, when, kind.value if kind else "none", phase))
        began = when
    counts = run.outputs.get(agent, {})
    told = " ".join(f"{kind.value[0]}{counts.get(kind.value, 0)}" for kind in OutputType)
    return Lane(agent, spans, told)


def _opened(run: RunRecord) -> int:
    """Return when the gate before the last agent was passed, as far as the run tells."""
    if run.gates:
        return run.gates[-1][1]
    before = [when for agent in AGENTS[:-1] for _, when in run.phases.get(agent, ())]
    return max(before, default=run.began_ms)
