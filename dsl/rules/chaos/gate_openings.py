"""When a run's gates were open: read from their timers, whatever the run says of its gates.

1. A gate is open from the start of the timer that limits it until that timer ends, or, where it
   has run out, until the run has looked. Each time is an opening with a number of its own.
2. A reset voids what was open, and what was decided in the task that it repeats. What a stage of T3
   or T4 acts on is void as well where it was decided and not yet on the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.plan import GateStep
from dsl.rules.reconciliation.history import (
    History,
    argument_of,
    attributes,
    event_id,
    type_of,
)
from dsl.rules.reconciliation.implied import RECORD, drafts_of

_WAITS: Final = "WAITING FOR APPROVAL "
_RESET: Final = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
_DECIDED: Final = "gate.decided"


@dataclass(frozen=True, slots=True)
class GateOpening:
    """One time a gate was open (1); events by number."""

    number: int
    opened: int
    closed: int  # 0: it has not
    fired: bool  # its time has run out
    is_void: bool
    recorded: int  # by which its decision was on the ledger; 0: it was not


def openings_of(
    run: History, step: GateStep, *, is_acted_on: bool = False
) -> Iterator[GateOpening]:
    """Yield the openings of a gate, in order; on some of them stages of T3 or T4 act (2)."""
    ends = {
        str(attributes(event).get("startedEventId")): event
        for event in run.events
        if type_of(event) in ("TIMER_CANCELED", "TIMER_FIRED")
    }
    resets = [event_id(event) for event in run.events if attributes(event).get("cause") == _RESET]
    timers = [e for e in run.events if type_of(e) == "TIMER_STARTED" and _is_of(step, e)]
    for number, timer in enumerate(timers, start=1):
        opened, end = event_id(timer), ends.get(str(event_id(timer)))
        closed = event_id(end) if end is not None else 0
        recorded = _recorded(run, step, number)
        fired = end is not None and type_of(end) == "TIMER_FIRED"
        decided = _next(run, "WORKFLOW_TASK_COMPLETED", closed) if fired else closed
        until = (is_acted_on and recorded) or decided or event_id(run.events[-1])
        # (2) a reset voids what was open, or decided in what it repeats
        is_void = any(opened < reset <= until for reset in resets)
        if fired:  # (1) what came until the run looked has come in time
            closed = _next(run, "WORKFLOW_TASK_STARTED", closed)
        yield GateOpening(number, opened, closed, fired, is_void, recorded)


def _is_of(step: GateStep, event: Mapping[str, Any]) -> bool:
    """Tell whether a timer is the one that limits the gate: its summary says so (1)."""
    summary = (event.get("userMetadata") or {}).get("summary")
    said = argument_of({"payloads": [summary]}) if summary else None
    if not isinstance(said, str) or not said.startswith(_WAITS):
        return False
    return said.removeprefix(_WAITS).partition(" (")[0].strip("`") == step.path


def _next(run: History, kind: str, after: int) -> int:
    """Return the first event of a kind after an event; or that event."""
    found = (
        event_id(event)
        for event in run.events
        if type_of(event) == kind and event_id(event) > after
    )
    return next(found, after)


def _recorded(run: History, step: GateStep, number: int) -> int:
    for call in run.of_type(RECORD):
        for draft in drafts_of(call) if call.is_done else ():
            said = draft.get("payload") or {}
            told = (draft.get("action"), said.get("gate"), said.get("opening"))
            if told == (_DECIDED, step.path, number):
                return call.ended
    return 0
