"""Starting the child workflow of an agent stage, and reading how it ended.

1. The id is the run's id and the stage's path, so a run has one child per stage and people
   find it. After a reset the old child may still be running: it is cancelled and waited for,
   then a new one is started.
2. Cancelling the stage cancels the child and waits for its EXIT.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from activities import contracts
from dsl.core import StageStatus
from workflows import failures
from workflows.failures import StageEndedError
from workflows.visibility import of_agent

# Longer than EXIT may take, so that a child that is cleaning up is never given up on.
OLD_CHILD_WAITS_MAX: Final = 90
OLD_CHILD_WAIT: Final = timedelta(seconds=2)


async def run_agent(
    request: contracts.AgentRequest, *, search_attributes: bool
) -> contracts.AgentReport:
    """Run ``request`` in a child workflow and return its report.

    Raises:
        StageEndedError: the child itself was cancelled or terminated by somebody.
    """
    step = request.step
    child_id = f"{workflow.info().workflow_id}/{step.path}"
    for waits in range(OLD_CHILD_WAITS_MAX):
        try:
            report: contracts.AgentReport = await workflow.execute_child_workflow(
                contracts.AGENT_WORKFLOW,
                request,
                id=child_id,
                result_type=contracts.AgentReport,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                search_attributes=of_agent(request.agent, step.tier) if search_attributes else None,
                static_summary=f"{step.path}: {request.agent} ({step.tier.name})",
            )
        except WorkflowAlreadyStartedError:  # (1)
            if waits == 0:
                await _cancel(child_id)
            await workflow.sleep(OLD_CHILD_WAIT, summary=f"waiting for the old {step.path} to end")
        except ChildWorkflowError as error:
            contracts.obey_cancel()  # (2)
            raise _ended(step.path, error) from None
        else:
            contracts.obey_cancel()  # (2)
            return report
    raise StageEndedError(
        failures.STAGE_FAILED,
        step.path,
        StageStatus.FAILED,
        f"an older workflow {child_id!r} did not end: terminate it and start again",
    )


async def _cancel(child_id: str) -> None:
    try:
        await workflow.get_external_workflow_handle(child_id).cancel(
            reason="the run was reset: a new agent takes over"
        )
    except ApplicationError:
        return  # it ended meanwhile


def _ended(path: str, error: ChildWorkflowError) -> StageEndedError:
    if is_cancelled_exception(error):
        return StageEndedError(
            failures.STAGE_FAILED, path, StageStatus.CANCELLED, "its workflow was cancelled"
        )
    cause = error.__cause__
    detail = cause.message if isinstance(cause, ApplicationError) else str(cause or error)
    return StageEndedError(failures.STAGE_FAILED, path, StageStatus.FAILED, detail)
