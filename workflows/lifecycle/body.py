"""The body of a phase: an activity or a workflow of somebody else's, from its start to its end.

Whatever it does fails the try, in a sentence, and never this workflow. The rules:

1. It is begun once. To begin it again is a try, which ``retry:`` grants and the ledger has on
   record: Temporal itself repeats nothing.
2. What it is told is the request of the contract of agents. No secret is in it, whatever the stage
   says: it stands in history. Nothing of ours lies where it works, so it names no directory.
3. What it answers is taken raw and handed on. What is no JSON, or too long to be handed on, is said
   to be so here.
4. How it failed is its own word, cut where it enters. What it never said (no sign of life, ended by
   somebody) is said here.
5. A workflow has the id of its stage and phase, for every try, so that never two are at work; after
   a reset an old one is ended first. With the stage it is ended by the server, if it has not ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    TerminatedError,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as ExpiredError

from activities.contracts.resumption import Heard
from dsl.agent_protocol.messages import VERSION
from dsl.core import AgentPhase
from dsl.limits import BODY_ANSWER_BYTES_MAX
from dsl.plan import RuntimePlan
from dsl.rules.run.ids import id_of_body
from dsl.shown.surfaces import Markdown
from dsl.values.durations import render_duration
from dsl.values.sizes import sentence
from workflows.lifecycle.stage_state import StageState
from workflows.runtime import failures
from workflows.runtime.failures import PhaseFailedError, StageEndedError
from workflows.runtime.old_children import after_old_child
from workflows.runtime.reset_children import ChildAtResets

# Beyond the stage's own limit, so that the timer ends a stage and not the activity's timeout.
GRACE: Final = timedelta(seconds=30)
_ONCE: Final = RetryPolicy(maximum_attempts=1)  # (1) begun once
_JSON: Final = b"json/plain"
_ENCODING_SHOWN_MAX: Final = 40  # bytes


class Body:
    """One try of the work."""

    def __init__(
        self, state: StageState, runtime: RuntimePlan, phase: AgentPhase, place: str
    ) -> None:
        self.runtime = runtime
        self.was_taken = True  # by a worker, as far as anybody knows
        self._state = state
        self._phase = phase
        self._place = place

    async def run(self, fence: int) -> Heard:
        """Begin it and wait for its end.

        Raises:
            PhaseFailedError: it could not be begun.
        """
        since = workflow.now()
        is_activity = self.runtime.kind == "activity"
        heard = await (self._activity if is_activity else self._workflow)(fence)
        worked_ms = (workflow.now() - since) // timedelta(milliseconds=1)
        return heard.model_copy(update={"worked_ms": worked_ms})

    async def _activity(self, fence: int) -> Heard:
        step, runtime = self._state.step, self.runtime
        handle = workflow.start_activity(
            runtime.type,
            self._request(fence),
            activity_id=f"{self._place}/body",
            summary=self._summary(),
            result_type=RawValue,  # (3) taken raw
            task_queue=runtime.queue,
            start_to_close_timeout=timedelta(milliseconds=step.timeout_ms) + GRACE,
            heartbeat_timeout=timedelta(milliseconds=runtime.heartbeat_ms or 0),
            retry_policy=_ONCE,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            return _answer(await handle)
        except ActivityError as error:
            self.was_taken = error.started_event_id != 0
            return self._failure(error)

    async def _workflow(self, fence: int) -> Heard:
        runtime, request = self.runtime, self._request(fence)
        child_id = id_of_body(workflow.info().workflow_id, self._phase)
        kind = (runtime.type, runtime.queue)

        async def run() -> Heard:
            at_resets = ChildAtResets(self._place, kind)
            try:
                child = await workflow.start_child_workflow(
                    runtime.type,
                    request,
                    id=child_id,
                    task_queue=runtime.queue,
                    result_type=RawValue,  # (3) taken raw
                    parent_close_policy=workflow.ParentClosePolicy.TERMINATE,  # (5) at the latest
                    cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                    retry_policy=_ONCE,
                    static_summary=self._summary(),
                )
                return _answer(await at_resets.answer_of(child))
            except ChildWorkflowError as error:
                return self._failure(error)

        try:
            return await after_old_child(run, path=self._place, child_id=child_id, kind=kind)
        except StageEndedError as error:
            raise PhaseFailedError(failures.STAGE_FAILED, error.detail) from None

    def _summary(self) -> Markdown:
        return Markdown.of("{} {}: {}", self._state.step.path, self._phase, self.runtime)

    def _request(self, fence: int) -> dict[str, Any]:
        """Return what it is told (2)."""
        state = self._state
        request, now = state.phase_request(), workflow.now()
        given = [
            (f"{path}/{each.name}", each) for path in request.given for each in request.given[path]
        ]
        return {
            "v": VERSION,
            "run": workflow.info().workflow_id,
            "stage": state.step.path,
            "phase": self._phase.value,
            "attempt": request.attempt,
            "fence": fence,
            "deadline": (now + timedelta(milliseconds=state.step.timeout_ms)).timestamp(),
            "workdir": "",
            "tier": int(state.step.tier),
            "input": request.inputs,
            "prior": {
                name: {"path": "", "digest": each.digest, "media_type": each.media_type}
                for name, each in [*((each.name, each) for each in request.prior), *given]
            },
            "secrets": {},
            "checkpoint": None,
            "answers": {},
            "clarification": None,
        }

    def _failure(self, error: ActivityError | ChildWorkflowError) -> Heard:
        """Return why there is no answer (4)."""
        its, cause = f"its {self.runtime.kind} {self.runtime.type!r}", error.cause
        if isinstance(cause, ApplicationError):
            kind = f"{cause.type}: " if cause.type else ""
            why = sentence(f"{its} failed: {kind}{cause.message}")
            return Heard(why=why, retryable=not cause.non_retryable)
        if is_cancelled_exception(error):
            return Heard(why=f"{its} was cancelled, and not by its run", retryable=True)
        if isinstance(cause, TerminatedError):
            return Heard(why=f"{its} was terminated by somebody")
        if isinstance(cause, ExpiredError) and self.runtime.heartbeat_ms is not None:
            limit = render_duration(self.runtime.heartbeat_ms)
            why = f"{its} gave no sign of life for {limit}: its worker is gone, or it sends none"
            return Heard(kind="timeout", why=why, retryable=True)
        return Heard(why=sentence(f"{its} ended without an answer: {cause or error}"))


def _answer(answer: Any) -> Heard:
    """Return an answer to be handed on, or why it cannot be (3)."""
    if not isinstance(answer, RawValue):
        return _no_answer("it is empty")
    payload = answer.payload
    encoding = payload.metadata.get("encoding", b"")
    if encoding != _JSON:
        shown = encoding[:_ENCODING_SHOWN_MAX].decode("ascii", "replace")
        return _no_answer(f"expected JSON (json/plain), got {shown!r}")
    size = len(payload.data)
    if size > BODY_ANSWER_BYTES_MAX:
        return _no_answer(
            f"it has {size} bytes, and {BODY_ANSWER_BYTES_MAX} is the limit: keep what is large "
            "where it is, and say its digest"
        )
    try:
        return Heard(answer=payload.data.decode())
    except UnicodeDecodeError as error:
        return _no_answer(f"it is not UTF-8, at byte {error.start}")


def _no_answer(why: str) -> Heard:
    return Heard(kind="protocol", why=f"its answer cannot be taken: {why}")
