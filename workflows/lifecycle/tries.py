"""The tries of an agent in one stage: how many there were, and from where the next one begins.

1. A checkpoint is of the last try of the phase under way: a phase that has delivered leaves none.
2. A stage whose agent has asked goes on with the same try, in the phase that has asked, from there.
3. An error is a try that the agent itself failed; it has used up its tries when the last one
   allowed was an error. A store or a worker that failed is neither.
"""

from __future__ import annotations

from activities.contracts.resumption import CheckpointRef, Resumption
from dsl.core import AgentPhase
from workflows.runtime.failures import PhaseFailedError


class Tries:
    """What the tries of one agent have come to."""

    def __init__(self, resumption: Resumption | None) -> None:
        self.count = max(0, resumption.attempts - 1) if resumption else 0  # (2) it counts again
        self.errors = 0
        self.exhausted = False
        self.checkpoint: CheckpointRef | None = None
        self.last_step = ""  # of the last try, where it did not deliver
        self.untaken = ""  # why nobody has done the work that is somebody else's
        self.unstopped = ""  # what of that may be at work still
        self.answers = resumption.answers if resumption else ()
        self._resumption = resumption

    def enter(self, phase: AgentPhase) -> None:
        """Note that ``phase`` begins: the one that has asked goes on from its checkpoint (2)."""
        if self._resumption is not None and self._resumption.phase is phase:
            self.checkpoint, self._resumption = self._resumption.checkpoint, None

    def failed(self, failure: PhaseFailedError) -> None:
        """Count what was the agent's own failure (3)."""
        self.errors += failure.of_agent

    def exhaust(self, failure: PhaseFailedError) -> str:
        """Note that none is left after ``failure``; return how many there were, in words (3)."""
        self.exhausted = failure.of_agent
        return "" if self.count == 1 else f" ({self.count} tries)"
