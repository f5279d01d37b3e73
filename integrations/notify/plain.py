"""What happened, in plain words: for e-mail, and for whatever shows text as it stands."""

from __future__ import annotations

from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import GateSnapshot, RunSnapshot
from dsl.shown.surfaces import Terminal
from dsl.steps.notify import Happening
from integrations.notify.answering import approving
from integrations.notify.links import SitePages


def headline(event: Event, run: RunSnapshot) -> Terminal:
    """Return one line."""
    match event.kind, event.gate, event.decided, event.stage:
        case Happening.GATE_OPENED, gate, _, _ if gate:
            return Terminal.of("{}: {} waits for approval", run.pipeline, gate.path)
        case Happening.GATE_ESCALATED, gate, _, _ if gate:
            return Terminal.of("{}: {} is escalated", run.pipeline, gate.path)
        case Happening.GATE_REMINDER, gate, _, _ if gate:
            return Terminal.of("{}: {} still waits for approval", run.pipeline, gate.path)
        case _, _, decided, _ if decided:
            return Terminal.of("{}: {} is {}", run.pipeline, decided.path, decided.verdict)
        case _, _, _, stage if stage:
            return Terminal.of("{}: stage {} {}", run.pipeline, stage.path, stage.status)
    return Terminal.of("{}: the run {} {}", run.pipeline, run.workflow, run.status)


def lines(event: Event, run: RunSnapshot, pages: SitePages) -> list[Terminal]:
    """Return what there is to know, and how to answer."""
    found = [headline(event, run), Terminal(), Terminal.of("run: {}", run.workflow)]
    if event.gate is not None:
        found += _gate(event.gate, run, pages)
    if event.decided is not None and event.decided.detail:
        found.append(Terminal.of("why: {}", event.decided.detail))
    if event.stage is not None and event.stage.detail:
        found.append(Terminal.of("why: {}", event.stage.detail))
    if event.kind is Happening.ENDED and run.detail:
        found.append(Terminal.of("why: {}", run.detail))
    if link := pages.run(run):
        found.append(Terminal.of("see: {}", link))
    return found


def _gate(gate: GateSnapshot, run: RunSnapshot, pages: SitePages) -> list[Terminal]:
    rows = [
        Terminal.of("asked: {}", gate.asked),
        Terminal.of("until: {}", gate.due),
        *([Terminal.of("about: {}", gate.description)] if gate.description else []),
        *(Terminal.of("approves: {}", each) for each in gate.outputs),
    ]
    line = approving(Terminal, gate, run)
    if link := pages.gate(gate, run):
        rows += [Terminal(), Terminal.of("answer in the console: {}", link, limit=len(link))]
    return [*rows, Terminal(), Terminal("answer after `mandate login NAME` with:"), line]
