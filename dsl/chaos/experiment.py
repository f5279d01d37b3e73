"""An experiment, as an author writes it: what must hold before and after, and what is done between.

1. When a fault happens is said by one of three: a phase that a run has entered, an event of the
   run's history, or a time since the runs were started. ``within`` lets the seed choose a moment
   after it.
2. Whether a fault happens at all is the seed's to say where ``probability`` is below one.
3. What may be touched is said twice, by the method and by the blast radius, and they must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from dsl import limits
from dsl.core import AgentPhase, ChaosCondition
from dsl.stages.fields import AS_WHOLE, Name, Whole, refused
from dsl.stages.stage import Document
from dsl.values.durations import PATTERN, parse_duration


class Steady(StrEnum):
    """What must hold before an experiment, and again after it."""

    PROCESSES = "processes-are-up"
    SERVERS = "servers-answer"
    LEDGER = "ledger-verifies"
    QUIET = "nothing-is-left"


EACH: Final = "each"  # in place of a phase: they take turns


class ChaosEvent(StrEnum):
    """An event in the history of a run."""

    STARTED = "run-started"
    GATE = "gate-opened"
    CHILD = "agent-started"


def _moment(value: object) -> int:
    return parse_duration(value, least=0, most=limits.CHAOS_LASTS_MS_MAX)


def _patience(value: object) -> int:
    return parse_duration(value, most=limits.CHAOS_LIMIT_MS_MAX)


def _named(value: object) -> object:
    """Accept a number, so that it is told what is wrong with a pid."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Target = Annotated[
    str, Field(min_length=1, max_length=limits.NAME_LENGTH_MAX), BeforeValidator(_named)
]
_WRITTEN: Final = WithJsonSchema({"type": "string", "pattern": PATTERN})
Moment = Annotated[int, BeforeValidator(_moment), _WRITTEN]
Patience = Annotated[int, BeforeValidator(_patience), _WRITTEN]


class When(Document):
    """The moment of a fault (1)."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "phase": "When an agent of the run has entered this phase; each: every run in another.",
        "event": "When this stands in the history of the run.",
        "time": "So long after the runs were started.",
        "within": "The seed chooses a moment up to so long after that.",
    }

    phase: AgentPhase | Literal["each"] | None = None
    event: ChaosEvent | None = None
    time: Moment | None = None
    within: Moment = 0

    @model_validator(mode="after")
    def _one(self) -> When:
        if sum(each is not None for each in (self.phase, self.event, self.time)) != 1:
            raise refused("expected one of phase, event and time")
        if self.phase is AgentPhase.REVOKED:
            raise refused("REVOKED is no phase that a run waits in: name one before it")
        return self


class FaultStep(Document):
    """One fault of the method."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "fault": "What happens; `mandate chaos faults` lists all.",
        "target": "What it is done to, by name; default: what is usual for the fault.",
        "when": "The moment of it.",
        "for": "How long it lasts, where it does.",
        "probability": "How likely it is, 0 to 1; the seed decides.",
    }

    fault: ChaosCondition
    target: Target | None = None
    when: When
    lasts: Moment | None = Field(default=None, alias="for")
    probability: float = Field(default=1.0, ge=0.001, le=1)


class Abort(Document):
    """When an experiment is given up, with everything undone."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "run_limit": "So long may a run take from its start to its end.",
        "after": "So long may the whole experiment take.",
    }

    run_limit: Patience = limits.CHAOS_RUN_MS
    after: Patience = limits.CHAOS_EXPERIMENT_MS


class BlastRadius(Document):
    """What may be touched at most (3)."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "runs": "How many runs the experiment starts at most.",
        "targets": "What faults may be done to.",
    }

    runs: Annotated[int, Field(ge=1, le=limits.CHAOS_RUNS_MAX), AS_WHOLE] = limits.CHAOS_RUNS_MAX
    targets: tuple[str, ...] | None = Field(default=None, max_length=limits.CHAOS_STEPS_MAX)


class Experiment(Document):
    """The whole file."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "name": "Lower-case letters, digits and hyphens.",
        "description": "What is tried, in a sentence.",
        "seed": "What is left to chance is decided by it, where no other is given.",
        "runs": "How many runs are under way at once.",
        "steady_state": "What must hold before, and again after.",
        "method": "The faults, in order.",
        "abort": "When it is given up.",
        "blast_radius": "What may be touched at most.",
        "rollback": "after-each: undone when its time is over; at-end: all at the end.",
    }

    name: Name
    description: str = ""
    seed: Whole = Field(default=0, ge=0)
    runs: Whole = Field(default=1, ge=1, le=limits.CHAOS_RUNS_MAX)
    steady_state: tuple[Steady, ...] = (
        Steady.PROCESSES,
        Steady.SERVERS,
        Steady.LEDGER,
        Steady.QUIET,
    )
    method: tuple[FaultStep, ...] = Field(min_length=1, max_length=limits.CHAOS_STEPS_MAX)
    abort: Abort = Abort()
    blast_radius: BlastRadius = BlastRadius()
    rollback: Literal["after-each", "at-end"] = "after-each"
