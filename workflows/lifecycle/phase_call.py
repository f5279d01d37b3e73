"""One phase, asked for and heard: what its activity is told, and what its answer ends.

1. What an agent must not do has its consequence, whatever else the phase came to. One that has
   nothing to show for, and is only warned about, is repeated.
2. What a program brings after its stage was told to stop is thrown away, and told.
3. A question that is not waited for ends the stage in order; see ``workflows.lifecycle.waiting``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs, trust_specs
from activities.contracts.resumption import Heard, Violated
from dsl.core import AgentPhase
from dsl.limits import LEASES_LOST_MAX, QUESTIONS_MAX, TOOL_APPROVALS_WAIT_MS_MAX
from dsl.plan import AgentStep
from dsl.rules.trust.violations import Violation
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.body import GRACE
from workflows.lifecycle.stage_state import StageState
from workflows.lifecycle.violations import Consequences
from workflows.lifecycle.waiting import asks
from workflows.runtime import failures
from workflows.runtime.failures import PhaseFailedError


class PhaseCalls:
    """Asks for the phases of one stage."""

    def __init__(
        self, state: StageState, consequences: Consequences, is_stopped: Callable[[], bool]
    ) -> None:
        """Prepare; ``is_stopped`` tells whether the stage was told to stop."""
        self._state = state
        self._consequences = consequences
        self._is_stopped = is_stopped
        self._warned = 0

    def end_by(self, result: messages.PhaseResult, place: str) -> None:
        """Raise what a phase that has delivered ends the stage with (1) (3)."""
        end = self._consequences.see(result.violations, place)
        if end is not None:
            self._state.tries.failed(end)
            raise end
        if result.asked is not None:
            raise asks(result.asked)

    async def ask(self, phase: AgentPhase, place: str, heard: Heard | None) -> messages.PhaseResult:
        """Ask for ``phase``, whose activity has the id ``place``, and wait for its answer."""
        state, step = self._state, self._state.step
        asked = phase in step.phases and step.runtime is None

        def heard_late(answer: messages.PhaseResult | ActivityError) -> None:
            """See to what an agent has done that did not stop when it was told to (2)."""
            state.err(failures.erred_in(answer))
            if isinstance(answer, ActivityError):
                self._consequences.see(failures.violations_in(answer), place)
                return
            late = asked and self._is_stopped()
            violated = Violated(kind=Violation.LATE_RESULT, detail="it delivered")
            self._consequences.see((*answer.violations, *((violated,) if late else ())), place)

        return await specs.PHASES[phase](
            state.phase_request(seed=state.take_seed(), heard=heard),
            activity_id=place,
            summary=Markdown.of("{} {}", step.path, phase),
            limit=_limit(step) if asked else None,
            queue=state.queue,
            local=state.is_local(phase),
            heard_late=heard_late,
        )

    def failure(self, error: ActivityError, place: str) -> PhaseFailedError | None:
        """Return how the stage ends that failed so; None: the phase is repeated (1)."""
        violations = failures.violations_in(error)
        end = self._consequences.see(violations, place)
        if end is not None:
            return PhaseFailedError(end.kind, end.message, of_agent=True)
        is_warned = failures.cause_of(error)[0] == trust_specs.VIOLATION and violations
        if is_warned and self._warned < LEASES_LOST_MAX:
            self._warned += 1
            return None
        return failures.of_phase(error)


def _limit(step: AgentStep) -> timedelta:
    """Return how long a phase of the program may take: until the timer has ended the stage."""
    waits_ms = step.park_after_ms * QUESTIONS_MAX
    # Where a call may be approved, or what came of it asked: see workflows.tools.desk.
    are_asked = any(rule.approve for rule in step.tools) or (step.tools and step.questions)
    waits_ms += TOOL_APPROVALS_WAIT_MS_MAX if are_asked else 0
    return GRACE + timedelta(milliseconds=step.timeout_ms + waits_ms + (step.sandbox.grace_ms or 0))
