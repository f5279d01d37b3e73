"""One run of the objective: started, voted for, followed to its end, and looked at.

1. Whoever follows it bears outages: a server that is away is asked again, until the run's time is
   over.
2. The vote is given once a gate asks for it, as a person would; no fault waits for it. Who is asked
   whether a call was made looks at what reached its server.
3. A run that has not ended in its time is ended here, after it was judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.specs import QUEUE
from activities.runtime.endings import ended_word
from dsl.chaos.catalogue import GATE
from dsl.core import AGENT_PHASE_NAMES, StageType
from dsl.rules.gates.unnamed import CALL, OUTCOME, own_of
from dsl.rules.tools.calls import DID_NOT, HAPPENED
from integrations.chaos.fault import NotOursError
from integrations.errors import IntegrationError, UnavailableError
from mandate.unanswered import words_of
from mandate.work.chaos.ground.register import Register

VOTE: Final = {"gate": GATE, "decision": "approve", "voter": "ann"}
ASK_EVERY_S: Final = 0.2
ANSWER: Final = timedelta(seconds=3)
_WAITS: Final = f"WAITING FOR APPROVAL {GATE} ".encode()  # in the summary of a gate's timer
_MARKER: Final = "core_local_activity"
_RUNNING: Final = WorkflowExecutionStatus.RUNNING
NOT_ENDED: Final = "not ended"


@dataclass
class StruckRun:
    """One run, and what became of it."""

    client: Client
    id: str
    objective: str
    limit_s: float
    began: float = 0.0  # seconds since 1970
    ended: float = 0.0
    status: str = NOT_ENDED
    detail: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)
    register: Register | None = None  # what its calls reach
    votes_given: int = 0  # at the gate of the plan

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The newest run of the workflow."""
        return self.client.get_workflow_handle(self.id)

    @property
    def is_over(self) -> bool:
        """Tell whether it has ended, as far as is known."""
        return self.status != NOT_ENDED

    async def start(self, pipeline: Mapping[str, Any]) -> None:
        """Start it."""
        self.began = time.time()
        await self.client.start_workflow(
            "Pipeline", {"definition": dict(pipeline)}, id=self.id, task_queue=QUEUE
        )

    async def follow(self) -> None:
        """Follow it to its end, or until its time is over (1)."""
        end = time.monotonic() + self.limit_s
        while time.monotonic() < end and not await self._has_ended():
            await self._vote_if_asked()
            await asyncio.sleep(ASK_EVERY_S)

    async def end_by_force(self) -> None:
        """End what has not ended by itself (3)."""
        if not self.is_over:
            try:
                await self.handle.terminate("the experiment is over")
            except RPCError:
                return

    async def events(self, path: str = "") -> AsyncIterator[HistoryEvent]:
        """Yield the history of the run, or of the stage at ``path``."""
        name = f"{self.id}/{path}" if path else self.id
        async for event in self.client.get_workflow_handle(name).fetch_history_events():
            yield event

    async def until_event(self, kind: EventType.ValueType) -> None:
        """Wait until its history has an event of that kind, or it is over."""
        while not self.is_over:
            with contextlib.suppress(RPCError):  # (1) away: asked again
                async for event in self.handle.fetch_history_events(wait_new_event=True):
                    if event.event_type == kind:
                        return
                return  # it has ended
            await asyncio.sleep(ASK_EVERY_S)

    async def phases_of(self, path: str) -> list[tuple[str, int]]:
        """Return the phases that a stage has done, and when, by the server's clock."""
        asked: dict[int, str] = {}
        done: list[tuple[str, int]] = []
        try:
            async for event in self.events(path):
                if event.HasField("activity_task_scheduled_event_attributes"):
                    activity = event.activity_task_scheduled_event_attributes.activity_id
                    asked[event.event_id] = activity
                phase = _done(event, asked, f"{path}/")
                if phase:
                    done.append((phase, event.event_time.ToMilliseconds()))
        except RPCError:
            return done
        return done

    async def gates(self) -> list[tuple[int, int]]:
        """Return from when to when its gate was open, each time, by the server's clock."""
        opened: dict[int, int] = {}
        closed: list[tuple[int, int]] = []
        try:
            async for event in self.events():
                at_ms = event.event_time.ToMilliseconds()
                if _WAITS in event.user_metadata.summary.data:
                    opened[event.event_id] = at_ms
                began = opened.pop(_timer_ended(event), 0)
                if began:
                    closed.append((began, at_ms))
        except RPCError:
            return closed
        return closed

    def outputs(self) -> dict[str, dict[str, int]]:
        """Return how many outputs of each maturity the agents have put out, by agent."""
        stages = self.report.get("stages", {})
        return {
            path: dict(Counter(str(each["output_type"]) for each in stages[path]["outputs"]))
            for path in sorted(stages)
            if stages[path].get("type") == StageType.AGENT
        }

    async def asks(self) -> bool:
        """Tell whether its gate is open."""
        return any(row.get("gate") == GATE for row in await self._asked())

    async def _asked(self) -> Sequence[Mapping[str, Any]]:
        """Return what it asks people now; nothing, where it does not say."""
        try:
            rows: Sequence[Mapping[str, Any]]
            rows = await self.handle.query("gates", rpc_timeout=ANSWER)
        except (RPCError, RuntimeError, WorkflowQueryFailedError):
            return ()
        return rows

    async def stage_at(self, path: str) -> WorkflowExecutionDescription:
        """Return what the server says of the workflow of a stage.

        Raises:
            NotOursError: it was not started.
        """
        try:
            return await self.client.get_workflow_handle(f"{self.id}/{path}").describe()
        except RPCError as error:
            raise self._not_started(path, error) from None

    async def agent_at(self, path: str) -> str:
        """Return the id of the agent of a stage, as its workflow was told.

        Raises:
            NotOursError: it was not started.
        """
        try:
            async for event in self.events(path):
                told = event.workflow_execution_started_event_attributes.input.payloads[0].data
                request: dict[str, Any] = json.loads(told)
                return str(request["agent"])
        except RPCError as error:
            raise self._not_started(path, error) from None
        raise self._not_started(path)

    def _not_started(self, path: str, error: RPCError | None = None) -> IntegrationError:
        if error is not None and error.status is not RPCStatusCode.NOT_FOUND:
            return UnavailableError(
                f"temporal does not tell of {self.id}/{path}: {words_of(error)}"
            )
        return NotOursError(f"{self.id}/{path} was not started")

    async def _has_ended(self) -> bool:
        try:
            state = await self.handle.describe(rpc_timeout=ANSWER)
        except RPCError:  # (1) away: asked again
            return False
        if state.status is None or state.status is _RUNNING:
            return False
        self.status = ended_word(state.status)
        self.ended = state.close_time.timestamp() if state.close_time else time.time()
        await self._read_report()
        return True

    async def _read_report(self) -> None:
        try:
            self.report = await self.handle.result(rpc_timeout=ANSWER)
        except WorkflowFailureError as failure:
            cause = failure.cause
            self.detail = str(cause)
            details = getattr(cause, "details", ())
            if details and isinstance(details[0], dict):
                self.report = details[0]
        except RPCError as error:
            self.detail = words_of(error)

    async def _vote_if_asked(self) -> None:
        try:
            for row in await self._asked():
                vote = self._vote_at(row)
                if vote is not None:  # (2) as a person would
                    await self.handle.signal("vote", vote, rpc_timeout=ANSWER)
                    self.votes_given += row.get("gate") == GATE
        except RPCError:  # (1) away: asked again
            return

    def _vote_at(self, row: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Return what a person says at a gate (2); None: it is somebody else's."""
        gate = str(row.get("gate"))
        _, _, kind = own_of(gate)
        if kind == OUTCOME and self.register is not None:
            happened = self.register.has_reached(self.id, row["call"]["tool"])
            return {**VOTE, "gate": gate, "answer": HAPPENED if happened else DID_NOT}
        return {**VOTE, "gate": gate} if gate == GATE or kind == CALL else None


def _timer_ended(event: HistoryEvent) -> int:
    """Return which timer an event ends; 0: none."""
    cancelled = event.timer_canceled_event_attributes.started_event_id
    return cancelled or event.timer_fired_event_attributes.started_event_id


def _done(event: HistoryEvent, asked: Mapping[int, str], prefix: str) -> str:
    """Return the phase that an event says is done; empty: it says nothing of the kind."""
    completed = event.activity_task_completed_event_attributes.scheduled_event_id
    activity = asked.get(completed, "")
    marker = event.marker_recorded_event_attributes
    if marker.marker_name == _MARKER and not marker.HasField("failure"):
        told: dict[str, Any] = json.loads(marker.details["data"].payloads[0].data)
        activity = str(told["activity_id"])
    phase = activity.removeprefix(prefix).partition("#")[0]
    return phase if activity.startswith(prefix) and phase in AGENT_PHASE_NAMES else ""
