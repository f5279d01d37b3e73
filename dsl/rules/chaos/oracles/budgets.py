"""An error budget is never overdrawn, and a plan is clarified exactly when that is due.

1. No EXECUTE is accepted whose agent had no error left when it began, nor one in which the last
   was spent. What counts is what the ledger and the phase itself say was erred, and when.
2. A clarification follows on a spent budget: there are never more than budgets were spent, their
   numbers are 1, 2, 3, and the plan allows so many.
3. Where one was still due, EXECUTE is not begun again without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from dsl.actions import AGENT_ERRED, STAGE_CLARIFIED
from dsl.core import AgentPhase, ErrorBudget
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.health.budget import read_budget
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.stage_history import agent_of, phases, stages, step_of

BUDGET_SPENT: Final = "BudgetSpent"


def _look(evidence: Evidence) -> Iterator[Finding]:
    erred = _erred(evidence)
    tries: dict[tuple[str, str], list[HistoryCall]] = {}
    steps: dict[tuple[str, str], Mapping[str, Any]] = {}
    for history in sorted(stages(evidence.histories), key=lambda each: each.began_ms):
        budget = _budget(history)
        for phase, call in phases(history):
            if phase is AgentPhase.EXECUTE:
                stage = (*history.parent, history.workflow_id)[1:]
                tries.setdefault(stage, []).append(call)
                steps[stage] = step_of(history)
                if budget is not None:
                    yield from _overdrawn(history, call, budget, erred)
    for stage, calls in tries.items():
        yield from _clarified(stage, calls, steps[stage], evidence)


def _erred(evidence: Evidence) -> dict[str, dict[str, int]]:
    """Return the errors of every agent by id, and when each was made."""
    found: dict[str, dict[str, int]] = {}
    for entry in evidence.ledger:
        if entry.action == AGENT_ERRED:
            errors = entry.payload.get("errors")
            if isinstance(errors, Mapping):
                found.setdefault(entry.agent, {}).update({k: int(v) for k, v in errors.items()})
    return found


def _budget(history: History) -> ErrorBudget | None:
    try:
        return ErrorBudget.model_validate(step_of(history).get("error_budget"))
    except ValidationError:
        return None


def _overdrawn(
    history: History, call: HistoryCall, budget: ErrorBudget, erred: Mapping[str, Mapping[str, int]]
) -> Iterator[Finding]:
    if not call.is_done:
        return
    told = call.result.get("erred") if isinstance(call.result, Mapping) else None
    own = {k: int(v) for k, v in told.items()} if isinstance(told, Mapping) else {}
    since = _since(history, call)
    times = {**erred.get(agent_of(history), {}), **own}
    before = [at for at in times.values() if since < at < call.began_ms]
    where = f"{history.workflow_id}, run {history.run_id}, event {call.ended}"
    # (1) spent when it began, and by the same errors still when it ended
    spent = [read_budget(before, now, budget).is_spent for now in (call.began_ms, call.ended_ms)]
    if all(spent):
        found = f"one that began after {len(before)} errors"
        yield Finding(f"no EXECUTE after {budget.errors} errors", found, where)
        return
    during = sorted(at for at in own.values() if at >= call.began_ms)
    for at in during:
        reading = read_budget([each for each in times.values() if since < each <= at], at, budget)
        if reading.is_spent:
            found = f"one accepted with {reading.errors} errors in its window"
            yield Finding(f"no EXECUTE with {budget.errors} errors", found, where)
            return


def _since(history: History, call: HistoryCall) -> int:
    """Return since when errors count: a clarified plan begins with a whole budget."""
    for told in (call.request, history.request):
        clarified = told.get("clarified") if isinstance(told, Mapping) else None
        if isinstance(clarified, Mapping):
            return int(clarified.get("errors_until_ms") or 0)
    return 0


def _clarified(
    stage: tuple[str, str], calls: list[HistoryCall], step: Mapping[str, Any], evidence: Evidence
) -> Iterator[Finding]:
    run, workflow_id = stage
    path = str(step.get("path"))
    entries = [
        entry
        for entry in evidence.ledger
        if entry.action == STAGE_CLARIFIED
        and entry.run_id == run
        and entry.payload.get("path") == path
    ]
    spent = [call for call in calls if _is_spent(call)]
    allowed = int(step.get("clarifications") or 0)
    numbers = [int(entry.payload.get("number") or 0) for entry in entries]
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) > min(allowed, len(spent)):
        found = f"clarifications {numbers} after {len(spent)} spent budgets, {allowed} allowed"
        places = ", ".join(str(entry.seq) for entry in entries)
        yield Finding("a clarification for each spent budget at most", found, f"entries {places}")
    if not allowed:
        return
    for place, call in enumerate(spent[: len(entries) + 1]):
        again = [each for each in calls if each.asked_ms > call.ended_ms]
        if place >= len(entries) and place < allowed and again:  # (3) it was due
            where = f"{workflow_id}, event {again[0].asked}"
            found = "EXECUTE begun again without it"
            yield Finding(f"clarification {place + 1} of {path}", found, where)


def _is_spent(call: HistoryCall) -> bool:
    failure = call.failure or {}
    cause = failure.get("cause") or failure
    told = cause.get("applicationFailureInfo") or failure.get("applicationFailureInfo") or {}
    return bool(told.get("type") == BUDGET_SPENT)


BUDGETS: Final = Oracle(
    "budgets", "No budget is overdrawn, and plans are clarified exactly when due.", _look
)
