"""What is called stands on the ledger before it is, and what became of it after.

1. Intent before effect: before ``tool.call`` was asked for, the intent of that very occurrence was
   acknowledged. One that takes its intent along has it acknowledged before it calls, or calls
   nothing, and says so.
2. A stage that has come to its end has said what became of every call that it intended: it was
   answered, or denied after all. What it could not record its run has, or says so.
3. So it has had the intent recorded of every call that may have been made: one that has taken its
   intent along, and has neither answered nor said that nothing was called. One whose intent the
   ledger has refused for good has none there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dsl import actions
from dsl.rules.reconciliation.discrepancy import Discrepancy
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.implied import CALL, drafts_of, has_spoken, left_over, records_of
from dsl.rules.reconciliation.recorded import Recorded
from dsl.rules.reconciliation.stage_history import AGENT

MADE: Final = ("ok", "error")
NOT_MADE: Final = "not_made"
_OUTCOMES: Final = (actions.TOOL_ANSWERED, actions.TOOL_DENIED)


def unsaid_calls(
    history: History, entries: Iterable[Recorded], run: History | None
) -> Iterator[Discrepancy]:
    """Yield what is missing of the calls of one stage.

    Args:
        history: of the stage, or of another workflow, which has none.
        entries: that it has made itself, in order.
        run: that has started it.
    """
    if history.type != AGENT:
        return
    yield from _unintended(history)
    is_told = has_spoken(history) and not left_over(history)
    is_told_by_run = run is not None and has_spoken(run) and not left_over(run)
    if is_told or is_told_by_run:
        yield from _without_outcome(entries)
    if is_told or (is_told_by_run and has_spoken(history)):
        yield from _never_intended(history, run)


def _unintended(history: History) -> Iterator[Discrepancy]:
    """Yield the calls that no acknowledged intent stands before (1)."""
    intended: dict[str, int] = {}
    for record in records_of(history):
        for draft in drafts_of(record) if record.is_done else ():
            occurrence = _occurrence(draft.get("payload"))
            if draft.get("action") == actions.TOOL_INTENDED and occurrence:
                intended.setdefault(occurrence, record.ended)
    for call in history.of_type(CALL):
        asked = call.request if isinstance(call.request, Mapping) else {}
        digest = str(asked.get("digest", ""))
        took_along = asked.get("record") is not None
        if took_along and _status(call) not in MADE:  # (3) it does not say that it was made
            continue
        if not 0 < intended.get(digest, 0) < (call.ended + 1 if took_along else call.asked):
            yield Discrepancy(
                f"the intent of occurrence {digest} to be acknowledged before it is called",
                "no acknowledged record that says so before it",
                f"{history.workflow_id}, run {call.run_id}, event {call.asked}",
            )


def _never_intended(history: History, run: History | None) -> Iterator[Discrepancy]:
    """Yield the calls that may have been made, and whose intent nobody has acknowledged (3)."""
    records = (*records_of(history), *(() if run is None else records_of(run)))
    known = {
        _occurrence(draft.get("payload"))
        for record in records
        if record.is_done or _is_refused(record)
        for draft in drafts_of(record)
        if draft.get("action") == actions.TOOL_INTENDED
    }
    for call in history.of_type(CALL):
        asked = call.request if isinstance(call.request, Mapping) else {}
        if asked.get("record") is None or _status(call) in (*MADE, NOT_MADE):
            continue
        digest = str(asked.get("digest", ""))
        if digest not in known - {""}:
            yield Discrepancy(
                f"the intent of occurrence {digest} to be acknowledged, since it may have been "
                "made and its stage has ended",
                "no acknowledged record that says so, and none that was refused",
                f"{history.workflow_id}, run {call.run_id}, event {call.asked}",
            )


def _is_refused(record: HistoryCall) -> bool:
    """Tell whether the ledger has said no, rather than nothing (3)."""
    told = (record.failure or {}).get("applicationFailureInfo")
    return isinstance(told, Mapping) and told.get("nonRetryable") is True


def was_left(call: HistoryCall) -> bool:
    """Tell whether a call was not made, since its intent could not be recorded beside it (1)."""
    asked = call.request if isinstance(call.request, Mapping) else {}
    told = call.result if isinstance(call.result, Mapping) else {}
    unrecorded = asked.get("record") is not None and told.get("recorded") is None
    return unrecorded and _status(call) == NOT_MADE


def _status(call: HistoryCall) -> str:
    told = call.result if call.is_done and isinstance(call.result, Mapping) else {}
    answer = told.get("answer")
    return str(answer.get("status", "")) if isinstance(answer, Mapping) else ""


def _without_outcome(entries: Iterable[Recorded]) -> Iterator[Discrepancy]:
    """Yield the intents on the ledger of which nothing says what became of them (2)."""
    intents: dict[str, Recorded] = {}
    for entry in entries:
        occurrence = _occurrence(entry.payload)
        if entry.action == actions.TOOL_INTENDED:
            intents[occurrence] = entry
        elif entry.action in _OUTCOMES:
            intents.pop(occurrence, None)
    for occurrence, entry in intents.items():
        yield Discrepancy(
            f"what became of the call with occurrence {occurrence} on the ledger, since its "
            "stage has ended",
            "neither an answer nor a denial behind its intent",
            f"entry {entry.seq}, {entry.workflow_id}, run {entry.run_id}",
        )


def _occurrence(payload: Any) -> str:
    return str(payload.get("occurrence") or "") if isinstance(payload, Mapping) else ""
