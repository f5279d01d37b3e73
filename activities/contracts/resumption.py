"""What one try of an agent's work comes to, leaves for the next, and errs, across the boundary."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dsl.core import AgentPhase, Value
from dsl.limits import (
    CLARIFICATION_LINES_MAX,
    ERROR_BUDGET_MAX,
    ERROR_WORDS_LENGTH_MAX,
    ERROR_WORDS_MAX,
)
from dsl.rules.gates.questions import Answered, Question
from dsl.rules.tools.journal import JournalEntry
from dsl.values.canonical import INTEGER_MAX


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
    calls: tuple[JournalEntry, ...] = ()  # what it has called by then


class Spent(Value):
    """A spent error budget that has ended a plan, and of what the next one is made."""

    reasons: tuple[str, ...] = Field(default=(), max_length=CLARIFICATION_LINES_MAX)
    errors_until_ms: int = Field(default=0, ge=0, le=INTEGER_MAX)
    checkpoint: CheckpointRef | None = None


class Resumption(Value):
    """How an agent goes on that has asked: with the answers so far, from its last checkpoint.

    One whose plan was clarified goes on so as well, without answers.
    """

    answers: tuple[Answered, ...]
    phase: AgentPhase
    checkpoint: CheckpointRef | None = None
    attempts: int = 0
    calls: tuple[JournalEntry, ...] = ()  # what it has called by then


# Errors of an agent for its budget: ids, and when each was made, in milliseconds since 1970.
Errors = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[int, Field(gt=0, le=INTEGER_MAX)]],
    Field(max_length=ERROR_BUDGET_MAX),
]

# The newest of them in words, where a plan is to be clarified.
ErrorWords = Annotated[
    dict[
        Annotated[str, Field(max_length=64)],
        Annotated[str, Field(max_length=ERROR_WORDS_LENGTH_MAX)],
    ],
    Field(max_length=ERROR_WORDS_MAX),
]


class Erred(Value):
    """What an activity has heard an agent err, however that ended."""

    errors: Errors
    words: ErrorWords = Field(default_factory=dict)


class Violated(Value):
    """What an activity has seen an agent do; ``kind`` is one of ``dsl.rules.trust.violations``."""

    kind: str
    detail: str = ""


class SpentUntil(Value):
    """When the newest of the errors was made that have spent an agent's budget."""

    spent_until_ms: Annotated[int, Field(ge=0, le=INTEGER_MAX)]


class Heard(Value):
    """An answer as it came, to be read by an activity; or, where there is none, why."""

    answer: str | None = None  # JSON, nobody has looked into it
    kind: Literal["protocol", "failed", "timeout"] = "failed"  # as an agent's error is called
    why: str = ""
    retryable: bool = False
    worked_ms: int = 0
