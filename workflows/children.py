"""Starting the child workflow of an agent stage, and reading how it ended; starting a revocation.

1. The id is the run's id and the stage's path, so a run has one child per stage and people
   find it. After a reset the old child may still be running: it is cancelled and waited for,
   then a new one is started.
2. Cancelling the stage cancels the child and waits for its EXIT.
3. A report that cannot be read ends the stage: the child may have been run by anybody's worker.
4. A revocation outlives whoever started it. An agent has one at a time: one that is under way is
   told, and goes on by that word. It may have been started by nobody in particular, whose word
   disables no identity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from activities import contracts, trust_contracts
from dsl.core import StageStatus
from dsl.limits import REASON_LENGTH_MAX, REPORT_BYTES_MAX
from dsl.rules.ids import id_of_stage
from workflows import failures
from workflows.failures import StageEndedError
from workflows.visibility import of_agent

# Longer than EXIT may take, so that a child that is cleaning up is never given up on.
OLD_CHILD_WAITS_MAX: Final = 90
OLD_CHILD_WAIT: Final = timedelta(seconds=2)
REVOCATIONS_TRIED_MAX: Final = 3  # each ended between being found and being told


@dataclass(frozen=True, slots=True)
class StartedRevocation:
    """A revocation under way."""

    workflow: str
    is_new: bool


async def run_agent(
    request: contracts.AgentRequest,
    *,
    search_attributes: bool,
    begun: Callable[[workflow.ChildWorkflowHandle[Any, Any]], None],
) -> contracts.AgentReport:
    """Run ``request`` in a child workflow and return its report; ``begun`` is told when it runs.

    Raises:
        StageEndedError: the child itself was cancelled or terminated by somebody, or says
            nothing that can be read.
    """
    step = request.step
    child_id = id_of_stage(workflow.info().workflow_id, step.path)
    for waits in range(OLD_CHILD_WAITS_MAX):
        try:
            child = await workflow.start_child_workflow(
                contracts.AGENT_WORKFLOW,
                request,
                id=child_id,
                result_type=RawValue,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                search_attributes=of_agent(request.agent, step.tier) if search_attributes else None,
                static_summary=f"{step.path}: {request.agent} ({step.tier.name})",
            )
            begun(child)
            answer = await child
        except WorkflowAlreadyStartedError:  # (1)
            if waits == 0:
                await _cancel(child_id)
            await workflow.sleep(OLD_CHILD_WAIT, summary=f"waiting for the old {step.path} to end")
        except ChildWorkflowError as error:
            contracts.obey_cancel()  # (2)
            raise _ended(step.path, error) from None
        else:
            contracts.obey_cancel()  # (2)
            return _report(step.path, answer)
    raise StageEndedError(
        failures.STAGE_FAILED,
        step.path,
        StageStatus.FAILED,
        f"an older workflow {child_id!r} did not end: terminate it and start again",
    )


def _report(path: str, answer: Any) -> contracts.AgentReport:
    try:
        return contracts.read_value(
            answer,
            contracts.AgentReport,
            workflow.payload_converter(),
            bytes_max=REPORT_BYTES_MAX,
        )
    except contracts.UnreadableError as error:  # (3)
        raise StageEndedError(
            failures.STAGE_FAILED, path, StageStatus.FAILED, f"its report cannot be read: {error}"
        ) from None


async def start_revocation(agent: str, reason: str, proof: str = "") -> StartedRevocation:
    """Start the revocation of ``agent``, unless one is under way (4).

    Without a ``proof`` it is the engine's word, and an agent stage has to be who asks.
    """
    revocation = trust_contracts.revocation_id(agent)
    request = trust_contracts.RevokeRequest(
        agent=agent, reason=reason[:REASON_LENGTH_MAX], proof=proof
    )
    for _ in range(REVOCATIONS_TRIED_MAX):
        try:
            _ = await workflow.start_child_workflow(
                trust_contracts.REVOCATION_WORKFLOW,
                request.model_dump(exclude_defaults=True),
                id=revocation,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"revocation of {agent}",
            )
        except WorkflowAlreadyStartedError:
            if await _told(revocation, request):
                break
        else:
            return StartedRevocation(revocation, is_new=True)
    return StartedRevocation(revocation, is_new=False)


async def _told(revocation: str, request: trust_contracts.RevokeRequest) -> bool:
    """Give the revocation that is under way this word; False: it has ended meanwhile."""
    try:
        await workflow.get_external_workflow_handle(revocation).signal(
            "revoke", request.model_dump()
        )
    except ApplicationError:
        return False
    return True


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
