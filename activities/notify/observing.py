"""``notify.observe``: waits until a run looks otherwise than it did, and says how.

1. It is the run's own answer to ``status`` that is told, and of a run that is over what the server
   says. Neither is believed for more than a message: a run that is forged tells a forged story.
2. It asks a run at most every ``LOOK_S``, and only when its history has moved: the run has better
   to do.
3. A run that does not answer looks as it did: its worker may be away. How it ended needs none.
4. A worker looks at ``observers_max`` runs at once, so that there is room for messages. Where more
   want to be looked at, each has its turn of ``TURN_S``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError
from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError

from activities.contracts.notify.specs import Observed, ObserveRequest, observe
from activities.notify.history_follower import HistoryFollower
from activities.runtime.boundary import governed
from activities.runtime.endings import ended_word
from activities.runtime.engine import ANSWER, NO_SUCH_RUN, described
from dsl.rules.notify.reading import snapshot_of
from dsl.rules.notify.snapshot import RunSnapshot
from integrations.beside import ended
from integrations.errors import NotFoundError, UnavailableError

LOOK_S: Final = 0.5
UNANSWERED_S: Final = 2.0
ASK_S: Final = 10.0
TURN_S: Final = 30.0


class Observing:
    """Looks at runs."""

    def __init__(self, observers_max: int) -> None:
        """Look at so many at once (4)."""
        self._observers_max = observers_max
        self._at_work = 0
        self._turned_away = 0.0  # when somebody was, last

    @activity.defn(name=observe.name)
    @governed
    async def observe(self, request: ObserveRequest) -> Observed:
        """Return how the run looks once it looks otherwise."""
        if self._at_work >= self._observers_max:  # (4) room for messages
            self._turned_away = time.monotonic()
            raise UnavailableError(
                f"{self._at_work} runs are looked at here: this one has its turn"
            )
        self._at_work += 1
        try:
            return await self._observed(request)
        finally:
            self._at_work -= 1

    async def _observed(self, request: ObserveRequest) -> Observed:
        ending = asyncio.create_task(activity.wait_for_worker_shutdown())
        looking = asyncio.create_task(_until_otherwise(activity.client(), request))
        others = asyncio.create_task(self._others_wait())
        try:
            await asyncio.wait((ending, looking, others), return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                return looking.result()
            why = "this worker ends" if ending.done() else "other runs wait to be looked at"
            raise UnavailableError(f"{why}: the look goes on later, or elsewhere")
        finally:
            await ended((ending, looking, others))

    async def _others_wait(self) -> None:
        """Return when somebody else was turned away meanwhile, and the turn is over (4)."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(TURN_S)
            if self._turned_away >= began:
                return


async def _until_otherwise(client: Client, request: ObserveRequest) -> Observed:
    follower = HistoryFollower(client, request.workflow, request.run, request.cursor)
    while True:
        now = await _look(client, request)
        if now is not None and now != request.seen:
            return Observed(now=now, cursor=follower.cursor)
        if now is None:  # (3) it may answer later
            await asyncio.sleep(UNANSWERED_S)
        else:  # (2) the run has better to do
            await asyncio.gather(follower.moved(), asyncio.sleep(LOOK_S))


async def _look(client: Client, request: ObserveRequest) -> RunSnapshot | None:
    try:
        found = await described(client, request.workflow, request.run)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            raise NotFoundError(f"there is no run {request.workflow!r} any more") from None
        raise UnavailableError(f"temporal does not describe {request.workflow!r}") from None
    is_over = found.HasField("close_time")
    status = await _status(client, request)
    before = request.seen or RunSnapshot(workflow=request.workflow, run=request.run)
    if status is None and not is_over:
        return None
    now = before if status is None else _read(status, request, before)
    now = now.model_copy(update={"subject": dict(request.subject), "namespace": client.namespace})
    if not is_over:
        return now
    word = ended_word(WorkflowExecutionStatus(found.status))
    why = await _why(client, request)
    return now.model_copy(
        update={"status": word, "ended": True, "detail": why, "gates": (), "more_gates": 0}
    )


def _read(status: Mapping[str, Any], request: ObserveRequest, before: RunSnapshot) -> RunSnapshot:
    try:
        return snapshot_of(status, workflow=request.workflow, run=request.run)
    except (ValidationError, ValueError, TypeError):  # (1) of a run that is not ours
        return before


async def _status(client: Client, request: ObserveRequest) -> dict[str, Any] | None:
    handle = client.get_workflow_handle(request.workflow, run_id=request.run)
    try:
        async with asyncio.timeout(ASK_S):
            answer = await handle.query("status", rpc_timeout=timedelta(seconds=ASK_S))
    except (RPCError, TimeoutError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return None
    return answer if isinstance(answer, dict) else None


async def _why(client: Client, request: ObserveRequest) -> str:
    """Return what the last event of a run that is over says of its end."""
    asked = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=request.workflow, run_id=request.run),
        maximum_page_size=1,
    )
    try:
        newest = await client.workflow_service.get_workflow_execution_history_reverse(
            asked, retry=True, timeout=ANSWER
        )
    except RPCError:
        return ""
    return "".join(map(_words, newest.history.events))


def _words(event: HistoryEvent) -> str:
    if event.HasField("workflow_execution_failed_event_attributes"):
        return event.workflow_execution_failed_event_attributes.failure.message
    if event.HasField("workflow_execution_terminated_event_attributes"):
        return event.workflow_execution_terminated_event_attributes.reason
    return ""
