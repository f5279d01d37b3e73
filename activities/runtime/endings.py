"""Whether a run is over, and how it has ended, as the server tells it: it may not say itself."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.runtime.engine import ANSWER, NO_SUCH_RUN, described, described_whole
from dsl.core import AgentPhase, StageStatus
from dsl.rules.run.sweeping import RunAtWork, RunState


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run has ended, and who has said so where the server knows."""

    status: str  # such as terminated
    closed: float  # seconds since 1970
    by: str = ""
    why: str = ""


def ended_word(status: WorkflowExecutionStatus | None) -> str:
    """Return how a run stands or ended as people read it, spelt as in our own reports."""
    if status is WorkflowExecutionStatus.CANCELED:
        return StageStatus.CANCELLED.value
    return status.name.lower().replace("_", " ") if status else "unknown"


def run_of(phase: AgentPhase) -> dict[str, str]:
    """Return whose run a credential is minted for, as Vault is to keep it with the token.

    It names no secret. Whoever finds the token later can ask ``work_of`` whether that run is over,
    or that attempt; of those of local activities the server says nothing.
    """
    info = activity.info()
    run, run_id = info.workflow_id or "", info.workflow_run_id or ""
    attempt = {} if info.is_local else {"activity": info.activity_id, "attempt": str(info.attempt)}
    return {"phase": phase.value, "run": run, "run_id": run_id, **attempt}


async def state_of(client: Client, workflow_id: str, run_id: str | None) -> RunState:
    """Return what the server says of a run; of the latest of that workflow id without ``run_id``.

    An id that the server cannot read is one that it does not know.
    """
    return (await work_of(client, workflow_id, run_id)).state


async def work_of(client: Client, workflow_id: str, run_id: str | None) -> RunAtWork:
    """Return what the server says of a run as ``state_of``, and what is under way in it."""
    try:
        told = await described_whole(client, workflow_id, run_id)
    except RPCError as error:
        is_unknown = error.status in NO_SUCH_RUN
        return RunAtWork(RunState.UNKNOWN if is_unknown else RunState.NOT_TOLD)
    if told.workflow_execution_info.HasField("close_time"):
        return RunAtWork(RunState.OVER)
    pending = ((each.activity_id, str(each.attempt)) for each in told.pending_activities)
    return RunAtWork(RunState.AT_WORK, frozenset(pending))


async def ending_of(client: Client, workflow_id: str, run_id: str) -> Ending | RunState:
    """Return how a run has ended; where it has not, or nothing is said, what state it is in."""
    try:
        found = await described(client, workflow_id, run_id)
        if not found.HasField("close_time"):
            return RunState.AT_WORK
        by, why = await _terminated(client, workflow_id, run_id)
    except RPCError as error:
        return RunState.UNKNOWN if error.status in NO_SUCH_RUN else RunState.NOT_TOLD
    status = ended_word(WorkflowExecutionStatus(found.status))
    return Ending(status, found.close_time.ToMicroseconds() / 1_000_000, by, why)


async def _terminated(client: Client, workflow_id: str, run_id: str) -> tuple[str, str]:
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=1,
    )
    newest = await client.workflow_service.get_workflow_execution_history_reverse(
        request, retry=True, timeout=ANSWER
    )
    for event in newest.history.events:
        if event.HasField("workflow_execution_terminated_event_attributes"):
            said = event.workflow_execution_terminated_event_attributes
            return said.identity, said.reason
    return "", ""
