"""ReviewAgain: the shipped review once more, without what was answered. A schedule starts it.

1. What is known comes from the last of these that has completed: Temporal hands its result on. So a
   new finding is opened once, and whoever ends the schedule and makes it anew hears all again.
2. It completes where the review was answered, whatever the answer: see ``dsl.rules.review.known``.
   Otherwise it fails as the review did, and the next one asks again.
3. The review is a run of its own, which people answer as any other; what cancels this cancels it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, ChildWorkflowError

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import Field, ValidationError

    from activities.contracts import specs
    from dsl.core import Value
    from dsl.limits import REVIEW_CHECKS_LENGTH_MAX, REVIEWED_PATH_LENGTH_MAX
    from dsl.rules.review.known import known_after, known_in
    from dsl.values.model_faults import fault_of
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures

_USE: Final = "use `mandate review schedule PATH`"


class _AgainMessage(Value):
    path: str = Field(min_length=1, max_length=REVIEWED_PATH_LENGTH_MAX)
    checks: str = Field(default="", max_length=REVIEW_CHECKS_LENGTH_MAX)
    learned: str = Field(default="{}", max_length=REVIEW_CHECKS_LENGTH_MAX)


@workflow.defn(name=specs.REVIEW_AGAIN_WORKFLOW, sandboxed=False)  # docs/adr/0008
class ReviewAgain:
    """One review of many."""

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return which findings are known from now on, and which run told of them."""
        told = _read(payload)
        review = f"{workflow.info().workflow_id}/run"
        known = known_in(_known_before())
        try:
            report = await workflow.execute_child_workflow(
                specs.REVIEW_PIPELINE,
                {**told.model_dump(mode="json"), "known": json.dumps(known)},
                id=review,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=Markdown.of("{} again, {} findings known", told.path, len(known)),
            )
        except ChildWorkflowError as error:
            report = _report_of(error)
        known_now = known_after(report)
        if known_now is None:  # (2) the next one asks again
            raise failures.ended(
                failures.GATE_REJECTED, f"{review} was not answered", {"run": review}
            )
        return {"run": review, "known": list(known_now)}


def _report_of(error: ChildWorkflowError) -> Any:
    """Return the report of a review that did not pass; raise what it has failed with (2)."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != failures.GATE_REJECTED:
        raise error
    return next(iter(cause.details), None)


def _known_before() -> Any:
    if not workflow.has_last_completion_result():
        return ()
    try:
        said = decode([workflow.get_last_completion_result(RawValue)])
    except MessageError:
        return ()
    return said.get("known") if isinstance(said, dict) else ()


def _read(payload: RawValue) -> _AgainMessage:
    try:
        return _AgainMessage.model_validate(decode([payload]))
    except ValidationError as error:
        raise failures.invalid(f"{fault_of(error)}: {_USE}") from None
    except MessageError as error:
        raise failures.invalid(f"{error}: {_USE}") from None
