"""A history as Temporal writes it in JSON: what was asked for, and what came of it.

``temporal workflow show -o json`` writes the same. Nothing of it is believed: what cannot be read
is no request and no answer. The rules:

1. A local activity stands in one marker, without what it was asked; a regular one in several
   events.
2. A run that was reset holds the events of the runs before, and what was done there was done by
   those. Which run that was say the start, where the first of them stands, and each reset, which
   names the one that goes on. The run that a reset was asked of may have written none of them.
3. Times are milliseconds since 1970, of Temporal's server; a local activity says itself when it
   ended.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from dsl.values.strict_json import JsonError, read

_PAYLOAD_BYTES_MAX: Final = 64 << 20  # far above Temporal's own limit
_MARKER: Final = "core_local_activity"
_RESET: Final = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
_TYPE: Final = "EVENT_TYPE_"
_WORKFLOW: Final = "WORKFLOW_EXECUTION_"
_ENDS: Final = ("COMPLETED", "FAILED", "CANCELED", "TERMINATED", "TIMED_OUT", "CONTINUED_AS_NEW")
_CALL_ENDS: Final = ("COMPLETED", "FAILED", "CANCELED", "TIMED_OUT")


@dataclass(frozen=True, slots=True)
class HistoryCall:
    """One activity, or one child workflow, that a workflow asked for."""

    id: str
    type: str
    run_id: str  # of the run that asked (2)
    asked: int  # the event that says so; of a local activity the one that says it ended
    asked_ms: int
    request: Any = None  # the first argument; None where it is not told (1)
    ended: int = 0  # the event that says so; 0: it has not
    ended_ms: int = 0
    outcome: str = ""  # COMPLETED, FAILED, CANCELED or TIMED_OUT; empty: it has not ended
    result: Any = None
    failure: Mapping[str, Any] | None = None
    is_local: bool = False
    began_ms: int = 0  # the attempt that ended it; 0: not told
    task: int = 0  # the workflow task that has decided on it, by the event of its end

    @property
    def is_done(self) -> bool:
        """Tell whether it has answered."""
        return self.outcome == "COMPLETED"


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    status: str
    event: int
    at_ms: int
    result: Any = None
    failure: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class History:
    """One run of one workflow."""

    workflow_id: str
    run_id: str
    type: str
    events: tuple[Mapping[str, Any], ...]

    @cached_property
    def began_ms(self) -> int:
        """When it was started."""
        return at_ms(self.events[0]) if self.events else 0

    @cached_property
    def request(self) -> Any:
        """What it was started with."""
        return argument_of(attributes(self.events[0]).get("input")) if self.events else None

    @cached_property
    def parent(self) -> tuple[str, str]:
        """Workflow and run that have started it; empty where nobody has."""
        started = attributes(self.events[0]) if self.events else {}
        told = started.get("parentWorkflowExecution") or {}
        return str(told.get("workflowId", "")), str(told.get("runId", ""))

    @cached_property
    def parent_event(self) -> int:
        """The event of its parent by which it was asked for."""
        started = attributes(self.events[0]) if self.events else {}
        return number_of(started.get("parentInitiatedEventId"))

    @cached_property
    def end(self) -> End | None:
        """How it ended; None while it is under way."""
        last = self.events[-1] if self.events else {}
        status = type_of(last).removeprefix(_WORKFLOW)
        if not type_of(last).startswith(_WORKFLOW) or status not in _ENDS:
            return None
        said = attributes(last)
        result, failure = argument_of(said.get("result")), said.get("failure")
        return End(status, event_id(last), at_ms(last), result, failure)

    @cached_property
    def activities(self) -> tuple[HistoryCall, ...]:
        """Return its activities in the order in which they were asked for."""
        return tuple(_calls(self, "ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_"))

    @cached_property
    def children(self) -> tuple[HistoryCall, ...]:
        """Return its child workflows in the order in which they were asked for."""
        asked = "START_CHILD_WORKFLOW_EXECUTION_INITIATED"
        return tuple(_calls(self, asked, "CHILD_WORKFLOW_EXECUTION_"))

    @cached_property
    def run_of(self) -> Mapping[int, str]:
        """Which run has written each event (2)."""
        return _runs(self)

    @cached_property
    def runs(self) -> tuple[str, ...]:
        """Every run that has written of it, in order; the last is its own (2)."""
        before = (each for each in self.run_of.values() if each != self.run_id)
        return (*dict.fromkeys(before), self.run_id)

    def runs_since(self, run_id: str) -> tuple[str, ...]:
        """Return whoever may have done what that run has asked for: it, and those after (2)."""
        at = self.runs.index(run_id) if run_id in self.runs else -1
        return self.runs[at:]

    def of_type(self, name: str) -> Iterator[HistoryCall]:
        """Yield the activities of one type."""
        return (call for call in self.activities if call.type == name)


def type_of(event: Mapping[str, Any]) -> str:
    """Return the type of an event, without what all types begin with."""
    return str(event.get("eventType", "")).removeprefix(_TYPE)


def event_id(event: Mapping[str, Any]) -> int:
    """Return the number of an event."""
    return number_of(event.get("eventId"))


def at_ms(event: Mapping[str, Any]) -> int:
    """Return when an event was written (3)."""
    try:
        return int(datetime.fromisoformat(str(event.get("eventTime"))).timestamp() * 1000)
    except ValueError:
        return 0


def number_of(value: Any) -> int:
    """Return an integer, which Temporal writes as text where it may be large."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def attributes(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an event says."""
    said = (value for key, value in event.items() if key.endswith("Attributes"))
    return next((value for value in said if isinstance(value, Mapping)), {})


def argument_of(payloads: Any) -> Any:
    """Return the first value of some payloads; None where it is no JSON."""
    found = payloads.get("payloads") if isinstance(payloads, Mapping) else None
    if not isinstance(found, list) or not found or not isinstance(found[0], Mapping):
        return None
    try:
        data = base64.b64decode(str(found[0].get("data", "")), validate=True)
        return read(data, bytes_max=_PAYLOAD_BYTES_MAX)
    except (binascii.Error, JsonError):
        return None


def _calls(history: History, asked_by: str, ended_by: str) -> Iterator[HistoryCall]:
    opener = "initiatedEventId" if ended_by.startswith("CHILD") else "scheduledEventId"
    typed = [(type_of(event), event) for event in history.events]
    following: dict[tuple[int, str], Mapping[str, Any]] = {
        (number_of(attributes(event).get(opener)), kind.removeprefix(ended_by)): event
        for kind, event in typed
        if kind.startswith(ended_by)
    }
    runs = history.run_of
    for kind, event in typed:
        if kind == asked_by:
            number = event_id(event)
            start = following.get((number, "STARTED"))
            ends = (following.get((number, each)) for each in _CALL_ENDS)
            end = next((each for each in ends if each is not None), None)
            yield _call(event, runs[number], start, end, ended_by)
        elif kind == "MARKER_RECORDED" and asked_by.startswith("ACTIVITY"):
            local = _local(event, runs[event_id(event)])
            if local is not None:
                yield local


def _call(
    event: Mapping[str, Any],
    run_id: str,
    start: Mapping[str, Any] | None,
    end: Mapping[str, Any] | None,
    ended_by: str,
) -> HistoryCall:
    said, answered = attributes(event), attributes(end or {})
    kind = said.get("activityType") or said.get("workflowType") or {}
    return HistoryCall(
        id=str(said.get("activityId") or said.get("workflowId") or ""),
        type=str(kind.get("name", "")),
        run_id=run_id,
        asked=event_id(event),
        asked_ms=at_ms(event),
        request=argument_of(said.get("input")),
        ended=event_id(end) if end else 0,
        ended_ms=at_ms(end) if end else 0,
        outcome=type_of(end).removeprefix(ended_by) if end else "",
        result=argument_of(answered.get("result")),
        failure=answered.get("failure"),
        began_ms=at_ms(start) if start else 0,
        task=number_of(said.get("workflowTaskCompletedEventId")),
    )


def _local(event: Mapping[str, Any], run_id: str) -> HistoryCall | None:
    """Return the local activity that a marker tells of (1)."""
    said = attributes(event)
    details = said.get("details")
    if said.get("markerName") != _MARKER or not isinstance(details, Mapping):
        return None
    told = argument_of(details.get("data"))
    if not isinstance(told, Mapping):
        return None
    failure = said.get("failure")
    return HistoryCall(
        id=str(told.get("activity_id", "")),
        type=str(told.get("activity_type", "")),
        run_id=run_id,
        asked=event_id(event),
        asked_ms=_moment(told.get("original_schedule_time")) or at_ms(event),
        ended=event_id(event),
        ended_ms=_moment(told.get("complete_time")) or at_ms(event),
        outcome="FAILED" if failure else "COMPLETED",
        result=argument_of(details.get("result")),
        failure=failure,
        is_local=True,
        task=number_of(said.get("workflowTaskCompletedEventId")),
    )


def _runs(history: History) -> dict[int, str]:
    """Return which run wrote each event (2)."""
    resets = [each for each in history.events if attributes(each).get("cause") == _RESET]
    if not resets:  # as most
        return {event_id(event): history.run_id for event in history.events}
    started = attributes(history.events[0])
    run = str(started.get("originalExecutionRunId") or history.run_id)
    runs: dict[int, str] = {}
    for event in history.events:
        runs[event_id(event)] = run
        said = attributes(event)
        if said.get("cause") == _RESET:
            run = str(said.get("newRunId") or history.run_id)
    return runs


def _moment(value: Any) -> int:
    if not isinstance(value, Mapping):
        return 0
    return number_of(value.get("seconds")) * 1000 + number_of(value.get("nanos")) // 1_000_000
