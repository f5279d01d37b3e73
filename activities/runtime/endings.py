"""How a run has ended, as the server tells it: what a run that was terminated cannot say itself."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.runtime.engine import ANSWER, NO_SUCH_RUN, described
from dsl.core import StageStatus
from dsl.rules.run.sweeping import RunState


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
