"""Starting the child workflow of an agent stage, and reading how it ended.

1. The id is the run's id and the stage's path, so a run has one child per stage and people
   find it. After a reset it may still be held: see ``workflows.runtime.old_children``.
2. Cancelling the stage cancels the child and waits for its EXIT, also where the run was reset
   beside it: see ``workflows.runtime.reset_children``.
3. A child that did not complete has failed, with its report in the failure's details. A report that
   cannot be read ends the stage: the child may have been run by anybody's worker.
4. What a child could not record is taken over before anything else, also when it was cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, ChildWorkflowError, is_cancelled_exception

from activities.contracts import messages, specs
from activities.contracts.answers import UnreadableError, read_detail, read_value
from dsl.core import StageStatus
from dsl.limits import REPORT_BYTES_MAX
from dsl.rules.run.ids import id_of_stage
from dsl.shown.surfaces import Markdown
from dsl.values.sizes import sentence
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError
from workflows.runtime.old_children import after_old_child
from workflows.runtime.reset_children import ChildAtResets
from workflows.runtime.visibility import of_agent

# A worker that dies in a phase which its workflow task carries is noticed after so long.
TASK_TIMEOUT: Final = timedelta(seconds=2)

TakeOver = Callable[[Sequence[messages.EntryDraft]], None]


async def run_agent(
    request: messages.AgentRequest,
    *,
    search_attributes: bool,
    begun: Callable[[workflow.ChildWorkflowHandle[Any, Any]], None],
    take_over: TakeOver,
) -> messages.AgentReport:
    """Run ``request`` in a child workflow and return its report, whatever became of the stage.

    ``begun`` is told when it runs, ``take_over`` what it could not record (4).

    Raises:
        StageEndedError: the child itself was cancelled or terminated by somebody, or says
            nothing that can be read.
    """
    step = request.step
    child_id = id_of_stage(workflow.info().workflow_id, step.path)
    kind = (specs.AGENT_WORKFLOW, specs.QUEUE)

    async def run() -> Any:
        at_resets = ChildAtResets(step.path, kind)
        try:
            child = await workflow.start_child_workflow(
                specs.AGENT_WORKFLOW,
                request,
                id=child_id,
                result_type=RawValue,
                task_timeout=TASK_TIMEOUT,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                search_attributes=of_agent(request.agent, step.tier) if search_attributes else None,
                static_summary=Markdown.of("{}: {} ({})", step.path, request.agent, step.tier.name),
            )
            begun(child)
            return await at_resets.answer_of(child)  # (2) also after a reset
        except ChildWorkflowError as error:
            return error

    # (1) its id may be held by the child of before a reset
    answer = await after_old_child(run, path=step.path, child_id=child_id, kind=kind)
    return _heard(step.path, answer, take_over)


def _heard(path: str, answer: Any, take_over: TakeOver) -> messages.AgentReport:
    """Return the report in what a child has answered or failed with."""
    try:
        report = _report(path, answer)
    except StageEndedError:
        specs.obey_cancel()  # (2) cancelled: its EXIT has run
        raise
    take_over(report.unrecorded)  # (4) before anything else
    specs.obey_cancel()  # (2) cancelled: its EXIT has run
    return report


def _report(path: str, answer: Any) -> messages.AgentReport:
    try:
        if isinstance(answer, ChildWorkflowError):
            return _report_in(path, answer)
        return read_value(
            answer,
            messages.AgentReport,
            workflow.payload_converter(),
            bytes_max=REPORT_BYTES_MAX,
        )
    except UnreadableError as error:  # (3) it may be of anybody's worker
        raise StageEndedError(
            failures.STAGE_FAILED, path, StageStatus.FAILED, f"its report cannot be read: {error}"
        ) from None


def _report_in(path: str, error: ChildWorkflowError) -> messages.AgentReport:
    """Return the report that a failed child has left (3)."""
    failure = error.__cause__
    if not isinstance(failure, ApplicationError) or not failure.details:
        raise _ended(path, error)
    report = read_detail(
        failure,
        messages.AgentReport,
        workflow.payload_converter(),
        bytes_max=REPORT_BYTES_MAX,
    )
    if report.status is StageStatus.COMPLETED:
        raise UnreadableError("it says completed, and its workflow has failed")
    return report


def _ended(path: str, error: ChildWorkflowError) -> StageEndedError:
    if is_cancelled_exception(error):
        return StageEndedError(
            failures.STAGE_FAILED, path, StageStatus.CANCELLED, "its workflow was cancelled"
        )
    cause = error.__cause__
    detail = cause.message if isinstance(cause, ApplicationError) else str(cause or error)
    return StageEndedError(failures.STAGE_FAILED, path, StageStatus.FAILED, sentence(detail))
