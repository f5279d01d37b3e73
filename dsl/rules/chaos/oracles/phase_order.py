"""Phases follow each other in order; PACKAGE is never skipped, and every stage is left in order.

1. A phase begins when the one before it has answered, or when it is itself tried again. A stage
   whose plan was clarified, or that goes on with an answer, is another run of its workflow.
2. EXIT, or REVOKED in its place, is the last, once, and always there; only a workflow that was
   terminated runs none.
3. A stage that has completed has been through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.core import AGENT_PHASES_ORDERED, AgentPhase, is_terminal_phase, next_phase
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.stage_history import phases, stages

_LAST: Final = (AgentPhase.EXIT, AgentPhase.REVOKED)
_SPOKE: Final = ("COMPLETED", "FAILED", "CANCELED")


def _look(evidence: Evidence) -> Iterator[Finding]:
    for history in stages(evidence.histories):
        yield from _in_order(history)
        yield from _left(history)


def _in_order(history: History) -> Iterator[Finding]:
    before: tuple[AgentPhase, HistoryCall] | None = None
    for phase, call in phases(history):
        where = f"{history.workflow_id}, run {history.run_id}, event {call.asked}"
        allowed = {AgentPhase.BOOTSTRAP, *_LAST} if before is None else _after(*before)
        if phase not in allowed:  # (1) in order
            found = f"{phase} after {before[0] if before else 'nothing'}"
            yield Finding(f"one of {', '.join(sorted(allowed)) or 'nothing'}", found, where)
        before = (phase, call)


def _after(phase: AgentPhase, call: HistoryCall) -> set[AgentPhase]:
    if is_terminal_phase(phase):  # (2) the last, once; it is tried again where it has not answered
        return set() if call.is_done else {phase}
    allowed = {phase, *_LAST}
    following = next_phase(phase)
    if call.is_done and following is not None:
        allowed.add(following)
    return allowed


def _left(history: History) -> Iterator[Finding]:
    end = history.end
    if end is None or end.status not in _SPOKE:
        return
    seen = [(phase, call) for phase, call in phases(history)]
    done = {phase for phase, call in seen if call.is_done}
    where = f"{history.workflow_id}, run {history.run_id}, event {end.event}"
    if seen and not is_terminal_phase(seen[-1][0]):  # (2) always there
        yield Finding("EXIT or REVOKED last", f"{seen[-1][0]} last", where)
    told = end.result if isinstance(end.result, dict) else {}
    if told.get("status") == "completed":  # (3) through all of them
        missing = [phase for phase in AGENT_PHASES_ORDERED[:-1] if phase not in done]
        if missing:
            found = f"completed without {', '.join(missing)}"
            yield Finding("all phases of a completed stage", found, where)


PHASE_ORDER: Final = Oracle(
    "phase-order", "Phases come in order, PACKAGE is never skipped, and EXIT always comes.", _look
)
