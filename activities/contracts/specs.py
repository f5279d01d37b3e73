"""What workflows may ask for: activity names, types, queues, timeouts.

Workflows import ``activities.contracts`` and nothing else from ``activities``: what may be asked
from here and the ``*_specs`` beside it, what is said from ``messages``. The implementations are
looked up by name, so workflow code never loads ``hvac``, ``redis`` or ``sqlite3`` (enforced by
import-linter and by a test of ``sys.modules``). Who serves a name is held by a test.

1. Names are wire names, literal and here only.
2. No limit of attempts: an outage is waited out, visibly; the stage's timeout ends it. The
   agent's own failures are final here and counted by the workflow (``retry:``).
3. Every activity heartbeats, so that a dead worker is noticed in seconds, not at the timeout.
4. Cancelling waits for the activity to end. A caller that was cancelled meanwhile gets
   ``CancelledError``, also when the activity finished all the same: nothing goes on after a
   cancel because the cancel came late.
5. An answer that cannot be read fails the caller as an activity does, and no workflow task: see
   ``activities.contracts.answers``.
6. What may run in the workflow's own worker is tried there first, once and shortly, as a local
   activity of the same name and id. What fails there in passing goes on as a regular one, which
   waits out an outage without an event and is seen in the Web UI (docs/adr/0027).
7. A local attempt is not cancelled: it ends soon anyway, and then the cancel is obeyed. The SDK may
   apply a signal before the end of an attempt that has come with it; cancelled by that signal, an
   attempt that has ended fails the workflow task. A run that has cancelled one goes on so.
8. What another queue does may be asked of the workflow's own worker first, once, where that serves
   the other queue too: it begins with the answer to the workflow task. What fails there in passing,
   or does not begin soon, is the caller's to ask of that queue (docs/adr/0059).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as ExpiredError

from activities.contracts.answers import UnreadableError, final, read_value, unreadable
from activities.contracts.control_groups import GateRequest, GateRequested, GateWithdrawn
from activities.contracts.messages import (
    Authority,
    AuthorityRequest,
    PhaseRequest,
    PhaseResult,
    Proven,
    ProveRequest,
    RecordRequest,
    RecordResult,
    RegisterRequest,
    RegisterResult,
)
from dsl.core import AgentPhase, Value
from dsl.limits import PHASE_ANSWER_BYTES_MAX, REPORT_BYTES_MAX
from dsl.rules.run import reserved
from dsl.shown.surfaces import Markdown

QUEUE: Final = reserved.QUEUE
QUEUE_T3: Final = "mandate-t3"
QUEUE_TRUST: Final = "mandate-trust"
QUEUE_LEDGER: Final = "mandate-ledger"

# More than a lease lasts (LEASE_TTL_MS): whoever takes over from a worker that is dead, or stands
# still, finds that its lease has run out.
HEARTBEAT_TIMEOUT: Final = timedelta(seconds=15)
QUICK: Final = timedelta(seconds=30)
LOCAL: Final = timedelta(seconds=5)
PATCH: Final = "local-attempts-are-not-cancelled"
BEGINS: Final = timedelta(seconds=5)  # at the workflow's own worker, or it has no room
ONCE: Final = RetryPolicy(maximum_attempts=1)
RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=3)
)

# Failure types that cross the boundary and that workflows tell apart.
AGENT_FAILED: Final = "AgentFailed"
AGENT_FAILED_FOR_GOOD: Final = "AgentFailedForGood"
OUTCOME_LOST: Final = "OutcomeLost"
BUDGET_SPENT: Final = "BudgetSpent"
COLD: Final = "ColdError"
REVOKED: Final = "RevokedError"

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)


@dataclass(frozen=True, slots=True)
class ActivitySpec(Generic[In, Out]):
    """One activity as seen from workflow code."""

    name: str
    input: type[In]
    output: type[Out]
    queue: str | None = None  # None: the workflow's own
    timeout: timedelta = QUICK
    answer_bytes_max: int = REPORT_BYTES_MAX
    retry: RetryPolicy | None = None  # None: as all others

    async def __call__(
        self,
        request: In,
        *,
        activity_id: str,
        summary: Markdown,
        limit: timedelta | None = None,
        give_up_after: timedelta | None = None,
        queue: str | None = None,
        local: bool = False,
        heard_late: Callable[[Out | ActivityError], None] | None = None,
    ) -> Out:
        """Schedule the activity and wait for its result.

        ``activity_id`` is given by the caller because replay compares it, and little else;
        without it two swapped phases would replay clean. ``limit`` is for one attempt (default
        the activity's own); ``give_up_after`` bounds all attempts together: only cleaning up may
        give up, and who can go on, or be refused, without an answer. ``queue``: another than the
        activity's own. ``local``: see (6). ``heard_late`` is told what came after a cancel (4).
        """
        try:
            answer = await self._tried(request, activity_id) if local else None
            if answer is None:
                answer = await self._asked(
                    request,
                    activity_id=activity_id,
                    summary=summary,
                    task_queue=queue or self.queue,
                    start_to_close_timeout=limit or self.timeout,
                    schedule_to_close_timeout=give_up_after,
                    retry_policy=self.retry or RETRY,  # (2) an outage is waited out
                )
            result = self._read(answer, activity_id)
        except ActivityError as error:
            if heard_late is not None and _is_cancelled():
                heard_late(error)
            obey_cancel()
            raise
        if heard_late is not None and _is_cancelled():
            heard_late(result)
        obey_cancel()
        return result

    async def beside(
        self,
        request: In,
        *,
        activity_id: str,
        summary: Markdown,
        give_up_after: timedelta | None = None,
    ) -> Out | None:
        """Ask the workflow's own worker, once (8); None: it has failed in passing."""
        try:
            answer = await self._asked(
                request,
                activity_id=activity_id,
                summary=summary,
                schedule_to_start_timeout=BEGINS,
                start_to_close_timeout=self.timeout,
                schedule_to_close_timeout=give_up_after,
                retry_policy=ONCE,
            )
        except ActivityError as error:
            obey_cancel()
            refusal = final(error, activity_type=self.name, activity_id=activity_id)
            if refusal is not None or _has_expired(error):
                raise
            return None
        obey_cancel()
        return self._read(answer, activity_id)

    async def _asked(self, request: In, **how: Any) -> RawValue:
        """Return what a regular activity answers; ``how``: as the SDK takes it."""
        return await workflow.execute_activity(  # type: ignore[no-any-return]
            self.name,
            request,
            result_type=RawValue,  # (5) raw: read where it can wedge nothing
            heartbeat_timeout=HEARTBEAT_TIMEOUT,  # (3) a dead worker is noticed in seconds
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            **how,
        )

    async def _tried(self, request: In, activity_id: str) -> RawValue | None:
        """Return what a local activity answers (6); None: it has failed in passing."""
        try:
            return await _ended(
                workflow.start_local_activity(
                    self.name,
                    request,
                    activity_id=activity_id,
                    result_type=RawValue,  # (5) raw: read where it can wedge nothing
                    start_to_close_timeout=LOCAL,
                    retry_policy=ONCE,
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
            )
        except FailureError as error:  # the cause itself, or not: see final
            failure = final(error, activity_type=self.name, activity_id=activity_id)
            if failure is not None:
                raise failure from error
            obey_cancel()
            return None

    def _read(self, answer: RawValue, activity_id: str) -> Out:
        try:
            return read_value(
                answer,
                self.output,
                workflow.payload_converter(),
                bytes_max=self.answer_bytes_max,
            )
        except UnreadableError as error:
            failure = unreadable(error, activity_type=self.name, activity_id=activity_id)
            raise failure from failure.cause


async def _ended(attempt: workflow.ActivityHandle[Any]) -> RawValue:
    """Wait for the end of a local attempt, and leave a cancel to the caller (7)."""
    while not attempt.done():
        try:
            await asyncio.wait([attempt])
        except asyncio.CancelledError:
            if not workflow.patched(PATCH):
                attempt.cancel()
    return attempt.result()  # type: ignore[no-any-return]


def obey_cancel() -> None:
    """Raise ``CancelledError`` when the calling task was asked to stop (4)."""
    if _is_cancelled():
        raise asyncio.CancelledError


def _has_expired(error: ActivityError) -> bool:
    """Tell whether whoever waits for it has given up meanwhile."""
    cause = error.cause
    return isinstance(cause, ExpiredError) and cause.type is TimeoutType.SCHEDULE_TO_CLOSE


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


# Local activities only: they read files and settings, and one marker is cheaper than six events.
COMPILE: Final = "pipeline.compile"
POLICY: Final = "pipeline.policy"
COMPILE_TIMEOUT: Final = timedelta(seconds=10)

record = ActivitySpec("ledger.record", RecordRequest, RecordResult, queue=QUEUE_LEDGER)
authority = ActivitySpec("ledger.authority", AuthorityRequest, Authority, queue=QUEUE_LEDGER)
register = ActivitySpec(
    "trust.register",
    RegisterRequest,
    RegisterResult,
    queue=QUEUE_TRUST,
    timeout=timedelta(minutes=2),
)
prove = ActivitySpec("ledger.prove", ProveRequest, Proven, queue=QUEUE_LEDGER)
request_gate = ActivitySpec("gate.request", GateRequest, GateRequested, queue=QUEUE_T3)
withdraw_gate = ActivitySpec("gate.withdraw", GateRequest, GateWithdrawn, queue=QUEUE_T3)
PHASES: Final = {
    phase: ActivitySpec(
        f"agent.{phase.value.lower()}",
        PhaseRequest,
        PhaseResult,
        answer_bytes_max=PHASE_ANSWER_BYTES_MAX,
    )
    for phase in AgentPhase
}

AGENT_WORKFLOW: Final = reserved.AGENT
REGISTRATION_WORKFLOW: Final = reserved.REGISTRATION
REVIEW_OUTCOME_WORKFLOW: Final = reserved.REVIEW_OUTCOME
REVIEW_AGAIN_WORKFLOW: Final = reserved.REVIEW_AGAIN
REVIEW_PIPELINE: Final = "architecture-review"  # the shipped one
