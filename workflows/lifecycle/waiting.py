"""Why an agent stage waits and has not failed: its agent asks people, or its plan is clarified.

1. Either unwinds the phases, and the stage is left in order. Its report says what for.
2. A spent error budget is a wait as long as the plan may be clarified. Where none is left the stage
   fails, or its agent is revoked: ``dsl.rules.health.clarification``.
"""

from __future__ import annotations

from activities.contracts.resumption import Asked, Spent, Violated
from dsl.rules.health.clarification import Followed, followed_by
from dsl.rules.trust.violations import Violation
from workflows.lifecycle.stage_state import StageState
from workflows.lifecycle.violations import Consequences
from workflows.runtime.failures import PhaseFailedError


class StageWaitsError(Exception):
    """The stage waits, and begins again: unwinds the phases (1)."""

    def __init__(
        self, kind: str, detail: str, *, asked: Asked | None = None, spent: Spent | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.asked = asked
        self.spent = spent


def asks(asked: Asked) -> StageWaitsError:
    """Return the wait of an agent that asks people."""
    return StageWaitsError("asked", f"asks {asked.question.text}", asked=asked)


def after_spent(
    state: StageState, consequences: Consequences, failure: PhaseFailedError
) -> StageWaitsError | PhaseFailedError:
    """Return what follows on a spent error budget (2)."""
    count = state.request.clarifications
    follows = followed_by(state.step, count)
    if follows is Followed.CLARIFY:
        return StageWaitsError("spent", failure.message, spent=state.spent())
    detail = failure.message
    if count:
        detail += f"; its plan was clarified {'once' if count == 1 else f'{count} times'}"
    if follows is Followed.REVOKE:
        violated = Violated(kind=Violation.PLAN_EXHAUSTED, detail=detail)
        revoked = consequences.see((violated,), state.place)
        if revoked is not None:
            return revoked
    return PhaseFailedError(failure.kind, detail, of_agent=failure.of_agent)
