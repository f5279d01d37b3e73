"""What one try of an agent's program leaves for the next, as it crosses the boundary."""

from __future__ import annotations

from dsl.core import AgentPhase, Value
from dsl.rules.gates.questions import Answered, Question


class CheckpointRef(Value):
    """What an agent's next try begins from, in the artefact store."""

    digest: str
    size: int  # bytes
    is_file: bool = False  # else a JSON object


class Asked(Value):
    """A question that has ended a try, and from where the agent goes on with the answer."""

    question: Question
    phase: AgentPhase
    checkpoint: CheckpointRef | None = None
    attempts: int = 0  # tries of EXECUTE so far, this one included
    worked_ms: int = 0  # of the stage's time


class Resumption(Value):
    """How an agent goes on that has asked: with the answers so far, from its last checkpoint."""

    answers: tuple[Answered, ...]
    phase: AgentPhase
    checkpoint: CheckpointRef | None = None
    attempts: int = 0
