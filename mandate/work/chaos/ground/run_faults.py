"""What can be done to one run of an experiment: by its agents, by its votes, by whoever may end it.

1. An agent is ordered to misbehave by a file that it takes; that it took it is how the fault is
   seen.
2. What is sent to a run is seen to have arrived in its history.
3. How a run was ended or reset is asked of the server.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from dsl.chaos.catalogue import GATE
from dsl.core import ChaosCondition
from integrations.chaos.fault import Fault, seen
from integrations.errors import UnavailableError
from mandate.unanswered import words_of
from mandate.work.chaos.ground.struck_run import VOTE, StruckRun

DUPLICATES: Final = 5
TAKEN_WITHIN_S: Final = 3.0
_LARGE: Final = 100_000  # characters
_SIGNALED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
_TASK_DONE: Final = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED

Message = tuple[str, list[Any]]  # name of the signal, arguments


def messages_of(condition: ChaosCondition) -> list[Message]:
    """Return what is sent to a run."""
    forged = {**VOTE, "voter": "mallory"}
    proven = {**VOTE, "voter": "bob", "proof": "bm90IGEgcHJvb2Y"}
    other = {**VOTE, "gate": "another"}
    messages: dict[ChaosCondition, list[Message]] = {
        ChaosCondition.VOTE_EARLY: [("vote", [VOTE])],
        ChaosCondition.VOTE_DUPLICATE: [("vote", [VOTE])] * DUPLICATES,
        ChaosCondition.VOTE_FORGED: [
            ("vote", [forged]),
            ("vote", [{**forged, "decision": "reject"}]),
            ("vote", [proven]),
            ("vote", [other]),
        ],
        ChaosCondition.VOTE_MALFORMED: [
            ("vote", []),
            ("vote", ["approve"]),
            ("vote", [None]),
            ("vote", [[VOTE, VOTE]]),
            ("vote", [VOTE, VOTE]),
            ("vote", [{"gate": GATE, "decision": 1, "voter": ["ann"]}]),
            ("vote", [{**VOTE, "reason": "x" * _LARGE}]),
        ],
        ChaosCondition.SIGNAL_UNKNOWN: [
            ("approve-everything", [{"gate": GATE}]),
            ("__temporal_nothing", []),
            ("vote ", [VOTE]),
        ],
    }
    return messages[condition]


class AgentOrder(Fault):
    """An agent is told to misbehave (1)."""

    def __init__(self, folder: Path, run: StruckRun, agent: str, what: str) -> None:
        self._file = folder / f"{run.id}/{agent}".replace("/", "~")
        self._what = what
        self._was_given = False

    async def strike(self) -> None:
        """Lay the order where the agent looks for it."""
        draft = self._file.with_name(f".{self._file.name}")
        draft.write_text(self._what)
        draft.rename(self._file)  # whole or not at all
        self._was_given = True

    async def fired(self) -> bool:
        """Tell whether it was taken."""

        async def is_taken() -> bool:
            return not self._file.exists()

        return self._was_given and await seen(is_taken, TAKEN_WITHIN_S)

    async def undo(self) -> None:
        """Take back what nobody has taken."""
        if self._file.exists():
            self._was_given = False
            self._file.unlink(missing_ok=True)


class SentMessages(Fault):
    """Something is sent to a run that it must not be moved by (2)."""

    def __init__(self, run: StruckRun, messages: Sequence[Message]) -> None:
        self._run = run
        self._messages = messages
        self._sent = 0

    async def strike(self) -> None:
        """Send it; what the server itself refuses is no message."""
        for name, arguments in self._messages:
            try:
                await self._run.handle.signal(name, args=arguments)
                self._sent += 1
            except RPCError:
                continue

    async def fired(self) -> bool:
        """Tell whether all of it stands in the history."""
        try:
            events = [each async for each in self._run.events()]
        except RPCError:
            return False
        return 0 < self._sent <= sum(each.event_type == _SIGNALED for each in events)


class EndedRun(Fault):
    """A run is terminated, or asked to end (3)."""

    def __init__(self, run: StruckRun, *, terminated: bool) -> None:
        self._run = run
        self._terminated = terminated

    async def strike(self) -> None:
        """End it."""
        try:
            if self._terminated:
                await self._run.handle.terminate("an experiment of chaos")
            else:
                await self._run.handle.cancel()
        except RPCError as error:
            raise _refused("end", self._run, error) from None

    async def fired(self) -> bool:
        """Tell whether the server says so."""

        async def has_ended() -> bool:
            state = await self._run.handle.describe()
            if self._terminated:
                return state.status is WorkflowExecutionStatus.TERMINATED
            return state.status is not WorkflowExecutionStatus.RUNNING or any(
                [
                    each.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
                    async for each in self._run.events()
                ]
            )

        return await seen(has_ended)


class ResetRun(Fault):
    """A run is reset to its first task: everything that was decided is to be decided again (3)."""

    def __init__(self, run: StruckRun) -> None:
        self._run = run
        self._new = ""

    async def strike(self) -> None:
        """ResetRun it, with every message applied again, as the server does by itself."""
        first = [
            each.event_id async for each in self._run.events() if each.event_type == _TASK_DONE
        ]
        state = await self._run.handle.describe()
        order = ResetWorkflowExecutionRequest(
            namespace=self._run.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=self._run.id, run_id=state.run_id),
            reason="an experiment of chaos",
            workflow_task_finish_event_id=first[0] if first else 0,
            request_id=secrets.token_hex(16),
        )
        try:
            answer = await self._run.client.workflow_service.reset_workflow_execution(order)
        except RPCError as error:
            raise _refused("reset", self._run, error) from None
        self._new = answer.run_id

    async def fired(self) -> bool:
        """Tell whether another run goes on under its id."""
        return bool(self._new) and (await self._run.handle.describe()).run_id == self._new


def _refused(what: str, run: StruckRun, error: RPCError) -> UnavailableError:
    return UnavailableError(f"temporal did not {what} {run.id}: {words_of(error)}")
