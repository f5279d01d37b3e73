"""What histories say of agents and gates, in the form in which a ledger says it.

So the rules of ``dsl.rules.review.behaviour`` are asked of two witnesses: of what was put on
record, and of what Temporal keeps of the runs themselves.

1. When a stage began and ended, and which phases it went through, is read from its own events, not
   from what it reported; a phase that is asked for again right after itself, as after an outage,
   is one. What it erred only its report says.
2. What of gates is told is what their run had recorded, at the time at which it asked for that.
3. What cannot be read is left out: a history is read here, not judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dsl import actions
from dsl.rules.reconciliation.history import End, History
from dsl.rules.reconciliation.implied import RECORD, drafts_of, report_in
from dsl.rules.reconciliation.recorded import Recorded
from dsl.rules.reconciliation.stage_history import AGENT, agent_of, phases, step_of

TOOL: Final = "history"
_GATE: Final = "gate."
_SECOND_MS: Final = 1_000


def witnessed(histories: Iterable[History]) -> Iterator[Recorded]:
    """Yield entries as a ledger would hold them, for rules that compare."""
    for history in histories:
        yield from _of_stage(history) if history.type == AGENT else _of_run(history)


def _of_stage(history: History) -> Iterator[Recorded]:
    budget = step_of(history).get("error_budget")
    says = {"error_budget": budget} if isinstance(budget, Mapping) else {}
    yield _entry(history, history.began_ms, actions.AGENT_INTENDED, says)
    end = history.end
    if end is not None:
        report = _report_of(end)
        asked = (phase.value for phase, _ in phases(history))  # (1) its own events
        order = " ".join(phase for phase, _ in itertools.groupby(asked))
        says = {"status": report.get("status", ""), "errors": report.get("errors", 0)}
        yield _entry(history, end.at_ms, actions.AGENT_ENDED, {**says, "phases": order})


def _of_run(history: History) -> Iterator[Recorded]:
    for call in history.of_type(RECORD):
        for draft in drafts_of(call):
            action, says = draft.get("action"), draft.get("payload")
            is_of_gate = isinstance(action, str) and action.startswith(_GATE)
            if is_of_gate and isinstance(says, Mapping):  # (2) at that time
                yield _entry(history, call.asked_ms, str(action), says)
    if history.end is not None:
        yield _entry(history, history.end.at_ms, actions.RUN_ENDED, {})


def _report_of(end: End) -> Mapping[str, Any]:
    return end.result if isinstance(end.result, Mapping) else report_in(end.failure)


def _entry(history: History, at_ms: int, action: str, says: Mapping[str, Any]) -> Recorded:
    at = datetime.fromtimestamp(at_ms / _SECOND_MS, UTC).isoformat()
    run = (history.workflow_id, history.run_id, agent_of(history))
    return Recorded(0, at, "", *run, "", action, says, "", "")
