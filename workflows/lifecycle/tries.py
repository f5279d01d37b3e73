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
        self.last_step = ""
        self.untaken = ""
        self.unstopped = ""
        self.answers = resumption.answers if resumption else ()
        self._resumption = resumption

    def enter(self, phase: AgentPhase) -> None:
        """Note that ``phase`` begins: the one that has asked goes on from its checkpoint (2)."""
        if self._resumption is not None and self._resumption.phase is phase:
            self.checkpoint, self._resumption = self._resumption.checkpoint, None

    def begin(self) -> None:
        """Count one more."""
        self.count += 1

    def leave(self, checkpoint: CheckpointRef | None) -> None:
        """Keep from where the next one begins, if the phase under way has left that (1)."""
        self.checkpoint = checkpoint or self.checkpoint

    def deliver(self) -> None:
        """Note that the phase under way has delivered (1)."""
        self.checkpoint = None

    def end_at(self, last_step: str) -> None:
        """Note where the last one was when it ended without delivering."""
        self.last_step = last_step

    def not_taken(self, why: str) -> None:
        """Note that nobody has done the work that is somebody else's."""
        self.untaken = why

    def not_stopped(self, what: str) -> None:
        """Note ``what`` of somebody else's work may go on still."""
        self.unstopped = what

    def failed(self, failure: PhaseFailedError) -> None:
        """Count what was the agent's own failure (3)."""
        self.errors += failure.of_agent

    def exhaust(self, failure: PhaseFailedError) -> str:
        """Note that none is left after ``failure``; return how many there were, in words (3)."""
        self.exhausted = failure.of_agent
        return "" if self.count == 1 else f" ({self.count} tries)"
