"""Which phase of an agent's lifecycle may follow which.

1. A life begins with BOOTSTRAP, unless it is over before: cancelled (EXIT) or revoked.
2. Phases follow each other in order and none is left out.
3. EXIT may follow any phase: a failure, a cancellation and a timeout end here, too.
4. REVOKED may follow any phase: a revocation waits for nothing.
5. Nothing follows EXIT or REVOKED.
6. EXECUTE may be repeated: a retry. PLAN may be entered again from EXECUTE and from VERIFY:
   a clarification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dsl.core import AgentPhase, is_terminal_phase, next_phase

_REENTRIES: Final = frozenset(
    {
        (AgentPhase.EXECUTE, AgentPhase.EXECUTE),
        (AgentPhase.EXECUTE, AgentPhase.PLAN),
        (AgentPhase.VERIFY, AgentPhase.PLAN),
    }
)


def may_follow(previous: AgentPhase | None, phase: AgentPhase) -> bool:
    """Tell whether ``phase`` may come right after ``previous``; None: nothing came before."""
    return _breach(previous, phase) is None


def check_order(phases: Sequence[AgentPhase]) -> str | None:
    """Return the first breach of order as a sentence; None when there is none.

    A life that has not ended yet is in order.
    """
    previous: AgentPhase | None = None
    for number, phase in enumerate(phases, start=1):
        breach = _breach(previous, phase)
        if breach is not None:
            return f"phase {number}: {breach}"
        previous = phase
    return None


def _breach(previous: AgentPhase | None, phase: AgentPhase) -> str | None:
    if previous is None:
        return _breach_of_start(phase)
    if is_terminal_phase(previous):  # (5) nothing follows the end
        return f"{phase} comes after {previous}, and nothing may"
    expected = next_phase(previous)
    if is_terminal_phase(phase) or phase is expected or (previous, phase) in _REENTRIES:
        return None  # (2) (3) (4) (6) in order, or an end, or again
    return f"{phase} comes after {previous}, where {expected} was expected"


def _breach_of_start(phase: AgentPhase) -> str | None:
    # (1) a life begins with BOOTSTRAP
    if phase is AgentPhase.BOOTSTRAP or is_terminal_phase(phase):
        return None
    return f"{phase} comes first, where {AgentPhase.BOOTSTRAP} was expected"
