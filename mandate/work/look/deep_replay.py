"""Replay that looks closer than Temporal's own.

Temporal compares the types and ids of commands, not what they carry: a workflow that now sends
an activity other arguments replays cleanly and does something else. A deep replay compares every
activity and child workflow that history scheduled, its id, type and arguments, with what the code
asks for today.

Fields are only ever added to what crosses the wire: what was recorded must be asked for still, to
the letter; a field that is asked for besides is of a later release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    StartActivityInput,
    StartChildWorkflowInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

import mandate
from activities.contracts.specs import COMPILE
from workflows.messages.inputs import PIPELINE
from workflows.pipeline import Pipeline

_RECORD: Final = "deep_replay_record"
_TAKE: Final = "deep_replay_take"
VALUE_SHOWN_MAX: Final = 120  # characters
_ABSENT: Final = object()
_MESSAGE: Final = re.compile(r'message: "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Asked:
    """An activity or child workflow that was asked for."""

    id: str
    type: str
    arguments: tuple[bytes, ...]


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002  # the SDK's name
        _note(input.activity_id or "", input.activity, input.args)
        return super().start_activity(input)

    async def start_child_workflow(
        self,
        input: StartChildWorkflowInput,  # noqa: A002  # the SDK's name
    ) -> workflow.ChildWorkflowHandle[Any, Any]:
        _note(input.id, input.workflow, input.args)
        return await super().start_child_workflow(input)


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002  # the SDK's name
        workflow.extern_functions()[_TAKE](input.type.__name__)
        return await super().execute_workflow(input)


class _Recorder(Interceptor):
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.taken_by = ""  # which class of ours

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  # the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        input.unsafe_extern_functions[_RECORD] = self._record
        input.unsafe_extern_functions[_TAKE] = self._take
        return _Inbound

    def _record(self, identity: str, kind: str, arguments: tuple[bytes, ...]) -> None:
        self.asked.append(Asked(identity, kind, arguments))

    def _take(self, name: str) -> None:
        self.taken_by = name


def _note(identity: str, kind: str, arguments: Iterable[Any]) -> None:
    # Encoded at once: what is handed over may be changed later.
    payloads = workflow.payload_converter().to_payloads(list(arguments))
    encoded = tuple(payload.data for payload in payloads)
    workflow.extern_functions()[_RECORD](identity, kind, encoded)


def scheduled(history: WorkflowHistory) -> list[Asked]:
    """Return what history scheduled, in order."""
    found = []
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            activity = event.activity_task_scheduled_event_attributes
            found.append(_asked(activity.activity_id, activity.activity_type.name, activity))
        elif event.HasField("start_child_workflow_execution_initiated_event_attributes"):
            child = event.start_child_workflow_execution_initiated_event_attributes
            found.append(_asked(child.workflow_id, child.workflow_type.name, child))
    return found


def _asked(identity: str, kind: str, attributes: Any) -> Asked:
    return Asked(identity, kind, tuple(payload.data for payload in attributes.input.payloads))


def _replayer(*interceptors: Interceptor) -> Replayer:
    return Replayer(workflows=[], plugins=[mandate.plugin()], interceptors=interceptors)


async def deep_replay(
    history: WorkflowHistory, replayer: Callable[..., Replayer] = _replayer
) -> list[str]:
    """Replay with production's plugin; return every difference, as history has them.

    ``replayer`` makes one of interceptors.
    """
    if not history.events[1:]:  # it waits for its first task, and the SDK's core would for ever
        return []
    recorder = _Recorder()
    result = await replayer(recorder).replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is not None and _is_strange(history, recorder.taken_by):
        started = history.events[0].workflow_execution_started_event_attributes
        return [f"this code has no workflow {started.workflow_type.name!r}"]
    if result.replay_failure is not None:
        return [f"replay failed: {_meant(str(result.replay_failure))}"]
    return list(_differences(scheduled(history), recorder.asked))


def _is_strange(history: WorkflowHistory, taken_by: str) -> bool:
    """Tell whether it is of no workflow of ours: the code takes any other for a pipeline's name.

    A pipeline's history begins with how it was compiled.
    """
    started = history.events[0].workflow_execution_started_event_attributes
    if taken_by != Pipeline.__name__ or started.workflow_type.name == PIPELINE:
        return False
    markers = (each.marker_recorded_event_attributes for each in history.events)
    details = (payloads for marker in markers for payloads in marker.details.values())
    data = (payload.data for payloads in details for payload in payloads.payloads)
    return not any(COMPILE.encode() in each for each in data)


def _meant(words: str) -> str:
    """Return what a failure says to a person, of what the SDK's core says."""
    found = _MESSAGE.search(words)
    return found[1] if found else words


def _differences(then: list[Asked], now: list[Asked]) -> Iterator[str]:
    before, after = {each.id: each for each in then}, {each.id: each for each in now}
    # What is asked for besides is Temporal's to refuse, as a command too many. What it lets pass
    # was asked for and taken back in one task, or after the last: history knows nothing of that.
    for identity, recorded in before.items():
        if identity not in after:
            yield f"{identity} is not asked for any more"
        else:
            yield from _changes(recorded, after[identity])


def _changes(then: Asked, now: Asked) -> Iterator[str]:
    """Yield the first thing in which what is asked for now is not what was asked for then."""
    if then.type != now.type:
        yield f"{then.id} was {then.type} and is {now.type} now"
    elif len(then.arguments) != len(now.arguments):
        yield f"{then.id} had {len(then.arguments)} arguments and has {len(now.arguments)} now"
    else:
        for was, asked in zip(then.arguments, now.arguments, strict=True):
            if was != asked:
                where = _first(_read(was), _read(asked), "")
                if where is not None:
                    yield f"{then.id} ({then.type}){where}"
                    return


def _read(data: bytes) -> Any:
    return json.loads(data) if data else None  # nothing at all is how None is written


def _first(then: Any, now: Any, place: str) -> str | None:
    """Return where two values first differ, and how; None: nothing that was there is missing."""
    if isinstance(then, dict) and isinstance(now, dict):
        pairs = ((f".{key}", then[key], now.get(key, _ABSENT)) for key in then)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = ((f"[{n}]", *both) for n, both in enumerate(zip(then, now, strict=True)))
    elif type(now) is type(then) and now == then:
        return None
    else:
        gone = now is _ABSENT
        return f", {place.lstrip('.') or 'argument'}: was {_shown(then)}" + (
            " and is gone" if gone else f" and is {_shown(now)}"
        )
    return next(
        (found for step, was, asked in pairs if (found := _first(was, asked, place + step))), None
    )


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= VALUE_SHOWN_MAX else f"{text[:VALUE_SHOWN_MAX]}..."
