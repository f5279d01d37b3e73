"""What a history implies must be on the ledger.

1. What the ledger has acknowledged to a workflow stands there: every entry of the record, word for
   word, the proof that was recorded as proven, and what stands for a stage out of an earlier run.
2. Intent before effect: before EXECUTE was asked for, the intent of that very try was
   acknowledged.
3. A workflow that has come to its end has put there what it noted: the fence and the facts of
   every phase whose answer it has taken, how a stage ended, and how a run did. An answer that came
   when the stage had been told to end was thrown away. What it could not record it has handed to
   its run, or said so in its report; one that was terminated has said nothing. An end that was
   acknowledged before a reset is not put there again.
4. Of a run that was reset, what was done before is on the ledger under the run that did it. What
   was under way may be under any that came after.
5. Whoever may write to the namespace may complete an activity with anything. A value that is not
   what it should be is read as none, and a tier that is none is one that no entry has.
6. What is recorded again, since nobody knows whether it was the first time, has the key of then.
7. What a call of a tool has taken along to be recorded before it was made is a record like others,
   acknowledged by what that call answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from dsl import actions
from dsl.core import AgentPhase, Tier
from dsl.rules.proofs.proof import CIRCUIT, PLAN, REBIND, REVIEW, START, VOTE, VOUCHED
from dsl.rules.reconciliation.history import History, HistoryCall, argument_of
from dsl.rules.reconciliation.recorded import key_of
from dsl.rules.reconciliation.stage_history import AGENT
from dsl.rules.run.reuse import MANIFEST

RECORD: Final = "ledger.record"
CALL: Final = "tool.call"
PROVE: Final = "ledger.prove"
REUSE: Final = "ledger.reuse"
LEASE_GRANTED: Final = "lease.granted"
LEASE_LATE: Final = "agent.lease"  # its name where the run records what its stage could not
TEXT_LENGTH_MAX: Final = 100  # characters of a value that is none, where one is shown
_INTENTS: Final = (actions.AGENT_INTENDED, actions.AGENT_RETRIED)
_EXECUTE: Final = f"agent.{AgentPhase.EXECUTE.lower()}"
_PHASES: Final = tuple(f"agent.{phase.lower()}" for phase in AgentPhase)
_LAST: Final = (f"agent.{AgentPhase.EXIT.lower()}", f"agent.{AgentPhase.REVOKED.lower()}")
_OF_PURPOSE: Final = {
    VOTE: actions.VOTE_PROVEN,
    VOUCHED: actions.VOTE_VOUCHED,
    START: actions.START_PROVEN,
    PLAN: "plan.registered",
    REBIND: actions.REBIND_PROVEN,
    CIRCUIT: actions.CIRCUIT_PROVEN,
    REVIEW: actions.REVIEW_PROVEN,
}
_COMPLETED: Final = "completed"
_SPOKE: Final = ("COMPLETED", "FAILED", "CANCELED")  # ends that the workflow itself has come to


@dataclass(frozen=True, slots=True)
class Implied:
    """An entry that must be there: where, what it says at least, and which event says so."""

    workflow_id: str
    runs: tuple[str, ...]
    action: str
    event: int
    because: str
    agent: str = ""  # empty: whichever
    tier: str = ""
    says: Mapping[str, Any] = field(default_factory=dict)
    is_all: bool = False  # it says nothing besides
    keys: tuple[str, ...] = ()  # it has one of these
    seq: int = -1  # it stands there

    @property
    def where(self) -> str:
        """Name the place in the history."""
        return f"{self.workflow_id}, run {self.runs[-1]}, event {self.event}"


@dataclass(frozen=True, slots=True)
class Unintended:
    """An effect that was asked for before its intent was on the ledger (2)."""

    workflow_id: str
    run_id: str
    event: int
    attempt: int


def implied(history: History, namespace: str, run: History | None = None) -> Iterator[Implied]:
    """Yield the entries that the ledger must hold because of ``history``.

    ``run`` is the run that has started it as a stage, and records what that could not.
    """
    for call in records_of(history):
        if call.is_done:
            yield from _acknowledged(history, call, namespace)
    for call in history.of_type(PROVE):
        yield from _proven(history, call)
    for call in history.of_type(REUSE):
        yield from _reused(history, call)
    if not has_spoken(history):
        return
    if left_over(history) and (run is None or not has_spoken(run) or left_over(run)):
        return
    yield from _of_stage(history) if history.type == AGENT else _of_run(history)


def unintended(history: History) -> Iterator[Unintended]:
    """Yield the tries of EXECUTE that no acknowledged intent stands before (2)."""
    acknowledged = [
        (call.ended, entry)
        for call in history.of_type(RECORD)
        if call.is_done
        for entry in drafts_of(call)
        if entry.get("action") in _INTENTS
    ]
    for call in history.of_type(_EXECUTE):
        attempt = _number(_mapping(call.request).get("attempt", 1), 0)
        known = (
            ended < call.asked and _mapping(entry.get("payload")).get("attempt") == attempt
            for ended, entry in acknowledged
        )
        if not any(known):
            yield Unintended(history.workflow_id, call.run_id, call.asked, attempt)


def records_of(history: History) -> Iterator[HistoryCall]:
    """Yield all that was to be recorded, that went with a call of a tool included (7)."""
    for call in history.activities:
        if call.type == RECORD:
            yield call
        elif call.type == CALL and _mapping(call.request).get("record") is not None:
            recorded = _mapping(call.result).get("recorded") if call.is_done else None
            yield replace(
                call,
                request=_mapping(call.request)["record"],
                result=recorded,
                outcome="" if recorded is None else call.outcome,
            )


def drafts_of(call: HistoryCall) -> list[Mapping[str, Any]]:
    """Return the entries that a record was asked to make."""
    entries = call.request.get("entries") if isinstance(call.request, Mapping) else None
    return [each for each in _list(entries) if isinstance(each, Mapping)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _tier(value: Any) -> str:
    try:
        return Tier(value).name
    except ValueError:
        return f"no tier: {value!r}"[:TEXT_LENGTH_MAX]  # (5) no entry has it


def keys_of(history: History, call: HistoryCall, number: int, namespace: str) -> tuple[str, ...]:
    """Return the keys that an entry of a record may have (4)."""
    sent = _list(call.request.get("sent") if isinstance(call.request, Mapping) else None)
    before = sent[number] if number < len(sent) and isinstance(sent[number], str) else ""
    name = before or f"{call.id}/{number}"  # (6) as it was first sent
    runs = history.runs_since(call.run_id)
    return tuple(key_of(namespace, history.workflow_id, run, name) for run in runs)


def has_spoken(history: History) -> bool:
    """Tell whether a workflow has come to an end of its own (3)."""
    return history.end is not None and history.end.status in _SPOKE


def left_over(history: History) -> bool:
    """Tell whether a workflow says at its end that it could not record everything (3)."""
    end = history.end
    if end is None:
        return False
    report = end.result if isinstance(end.result, Mapping) else report_in(end.failure)
    return bool(report.get("not_recorded") or report.get("unrecorded"))


def report_in(failure: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the report in the details of a failure; empty for none."""
    told = argument_of(((failure or {}).get("applicationFailureInfo") or {}).get("details"))
    return told if isinstance(told, Mapping) else {}


def _acknowledged(history: History, call: HistoryCall, namespace: str) -> Iterator[Implied]:
    for number, draft in enumerate(drafts_of(call)):
        yield Implied(
            workflow_id=history.workflow_id,
            runs=history.runs_since(call.run_id),
            action=str(draft.get("action")),
            event=call.ended,
            because="the ledger has acknowledged it",
            agent=str(draft.get("agent")),
            tier=_tier(draft.get("tier", 0)),
            says=draft.get("payload") or {},
            is_all=True,
            keys=keys_of(history, call, number, namespace),
        )


def _proven(history: History, call: HistoryCall) -> Iterator[Implied]:
    told, asked = call.result, call.request
    if not call.is_done or not isinstance(told, Mapping) or not isinstance(asked, Mapping):
        return
    if told.get("refusal"):
        return
    # Where a plan is registered, the name is the plan's own.
    person = "author" if asked.get("purpose") == PLAN else "name"
    yield Implied(
        workflow_id=history.workflow_id,
        runs=history.runs_since(call.run_id),
        action=_OF_PURPOSE.get(str(asked.get("purpose")), ""),
        event=call.ended,
        because="the workflow was told that it is proven",
        says={
            "entity": told.get("entity"),
            person: told.get("name"),
            "proof": asked.get("proof"),
            "activity": call.id,
        },
        seq=_number(told.get("entry"), -1),
    )


def _reused(history: History, call: HistoryCall) -> Iterator[Implied]:
    told, asked = call.result, _mapping(call.request)
    if not call.is_done or not isinstance(told, Mapping) or told.get("refusal"):
        return
    outputs = (_mapping(each) for each in _list(told.get("outputs")))
    manifest = next((each.get("digest") for each in outputs if each.get("name") == MANIFEST), None)
    yield Implied(
        workflow_id=history.workflow_id,
        runs=history.runs_since(call.run_id),
        action=actions.STAGE_REUSED,
        event=call.ended,
        because="the workflow was told that it stands for a stage",
        says={"path": _mapping(asked.get("wanted")).get("path"), "manifest": manifest},
        seq=_number(told.get("entry"), -1),
    )


def _of_stage(history: History) -> Iterator[Implied]:
    calls = [call for call in history.activities if call.type in _PHASES]
    if not calls or history.end is None:
        return
    fence = 0
    for call, following in pairwise(calls):
        told = call.result if call.is_done and isinstance(call.result, Mapping) else {}
        # (3) what came when the stage had been told to end was thrown away
        if following.type in _LAST and not _has_completed(history):
            continue
        if _number(told.get("fence"), 0) > fence:
            fence = _number(told.get("fence"), 0)
            yield _noted(history, call.ended, LEASE_GRANTED, {"fence": fence}, "a lease was taken")
        if told.get("facts"):
            yield _noted(history, call.ended, call.type, {}, "the phase has answered with facts")
    if not any(call.is_done for call in _records_of(history, actions.AGENT_ENDED)):
        yield _noted(history, history.end.event, actions.AGENT_ENDED, {}, "the stage has ended")


def _has_completed(history: History) -> bool:
    report = history.end.result if history.end is not None else None
    return isinstance(report, Mapping) and report.get("status") == _COMPLETED


def _of_run(history: History) -> Iterator[Implied]:
    started = any(_records_of(history, actions.RUN_STARTED))
    ended = any(call.is_done for call in _records_of(history, actions.RUN_ENDED))
    if started and history.end is not None and not ended:
        yield _noted(history, history.end.event, actions.RUN_ENDED, {}, "the run has ended")


def _records_of(history: History, action: str) -> Iterator[HistoryCall]:
    for call in records_of(history):
        if any(draft.get("action") == action for draft in drafts_of(call)):
            yield call


def _noted(
    history: History, event: int, action: str, says: Mapping[str, Any], because: str
) -> Implied:
    runs = history.runs_since(history.run_of.get(event, ""))  # (4) under any since
    return Implied(history.workflow_id, runs, action, event, because, says=says)
