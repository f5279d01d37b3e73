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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Interceptor,
    Replayer,
    StartActivityInput,
    StartChildWorkflowInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

import mandate

_RECORD: Final = "deep_replay_record"


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


class _Recorder(Interceptor):
    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  # the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        input.unsafe_extern_functions[_RECORD] = self._record
        return _Inbound

    def _record(self, identity: str, kind: str, arguments: tuple[bytes, ...]) -> None:
        self.asked.append(Asked(identity, kind, arguments))


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
    """Replay with production's plugin; return every difference, none when all is the same.

    ``replayer`` makes one of interceptors.
    """
    recorder = _Recorder()
    result = await replayer(recorder).replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is not None:
        return [f"replay failed: {result.replay_failure}"]
    return _differences(scheduled(history), recorder.asked)


def _differences(then: list[Asked], now: list[Asked]) -> list[str]:
    before, after = {each.id: each for each in then}, {each.id: each for each in now}
    missing = [f"{identity} is not asked for any more" for identity in before.keys() - after.keys()]
    added = [f"{identity} was never asked for" for identity in after.keys() - before.keys()]
    changed = [
        f"{identity}: asked for as {after[identity]}, recorded as {each}"
        for identity, each in before.items()
        if identity in after and not _is_kept(each, after[identity])
    ]
    return [*sorted(missing), *sorted(added), *changed]


def _is_kept(then: Asked, now: Asked) -> bool:
    """Tell whether everything that was asked for then is asked for now."""
    if (then.type, len(then.arguments)) != (now.type, len(now.arguments)):
        return False
    pairs = zip(then.arguments, now.arguments, strict=True)
    return all(one == other or _holds(json.loads(other), json.loads(one)) for one, other in pairs)


def _holds(now: Any, then: Any) -> bool:
    if isinstance(then, dict) and isinstance(now, dict):
        return all(key in now and _holds(now[key], then[key]) for key in then)
    if isinstance(then, list) and isinstance(now, list):
        same_length = len(then) == len(now)
        return same_length and all(_holds(n, t) for n, t in zip(now, then, strict=True))
    return type(now) is type(then) and now == then
