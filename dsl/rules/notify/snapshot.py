"""A run as whoever tells people of it has seen it last.

Everything is cut to what a message can show: it travels with each one. Words are those of anybody;
the surface that shows them makes them inert.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from dsl.core import StageStatus, StageType, Value
from dsl.limits import (
    GATE_PATH_LENGTH_MAX,
    INPUTS_MAX,
    NOTIFY_DECIDED_MAX,
    NOTIFY_GATES_MAX,
    NOTIFY_STAGES_MAX,
    NOTIFY_WORDS_MAX,
)
from dsl.rules.gates.consensus import takes_word_of

RUNNING: Final = "running"


def _cut(value: object, limit: int = NOTIFY_WORDS_MAX) -> object:
    return value[:limit] if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_cut)]
# Whole: what answers a gate names it.
GatePath = Annotated[str, BeforeValidator(lambda value: _cut(value, GATE_PATH_LENGTH_MAX))]


class GateSnapshot(Value):
    """A gate that waits."""

    path: GatePath
    opening: int
    escalated: bool = False
    asked: Words = ""  # who may answer
    needed: int = 0
    due: Words = ""
    description: Words = ""
    identity: tuple[Words, ...] = ()
    reason_required: bool = False
    subject: Words = ""  # digest of what is approved
    outputs: tuple[Words, ...] = ()
    reminders: int = 0
    is_shown_elsewhere: bool = False  # a call, a clarified plan: no message holds what it asks for

    def is_answered_at(self, door: str) -> bool:
        """Tell whether who reads a message there may answer: nobody approves what is not shown."""
        return takes_word_of(door, self.identity) and not self.is_shown_elsewhere


class DecidedSnapshot(Value):
    """A gate that has been decided."""

    path: GatePath
    opening: int
    verdict: Words
    detail: Words = ""


class StageSnapshot(Value):
    """A stage."""

    path: Words
    type: StageType
    status: StageStatus
    detail: Words = ""


class RunSnapshot(Value):
    """A run, seen from outside."""

    workflow: str
    run: str
    namespace: Words = "default"
    pipeline: Words = ""
    version: Words = ""
    status: Words = RUNNING  # running, paused, or how it ended
    ended: bool = False
    detail: Words = ""  # why it ended so
    gates: tuple[GateSnapshot, ...] = Field(default=(), max_length=NOTIFY_GATES_MAX)
    more_gates: int = 0  # that are not shown
    decided: tuple[DecidedSnapshot, ...] = Field(default=(), max_length=NOTIFY_DECIDED_MAX)
    stages: tuple[StageSnapshot, ...] = Field(default=(), max_length=NOTIFY_STAGES_MAX)
    counts: dict[str, int] = Field(default_factory=dict)  # of all stages, by status
    subject: dict[str, Words] = Field(default_factory=dict, max_length=INPUTS_MAX)
