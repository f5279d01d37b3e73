"""What workflows may ask before they ask people: could these stages run?

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from activities.contracts.specs import ActivitySpec
from dsl.core import Value
from dsl.plan import AgentStep

STAGES_MAX: Final = 200  # in one request


class StageAhead(Value):
    """A stage that may still come, with the identity of its agent."""

    agent: str
    step: AgentStep  # without its inputs


class FeasibleRequest(Value):
    """Could these stages run?"""

    pipeline: str
    stages: tuple[StageAhead, ...]


class Obstacle(Value):
    """Why a stage could not run."""

    path: str
    why: str


class Feasible(Value):
    """What stands in the way; nothing: nothing that can be known now."""

    obstacles: tuple[Obstacle, ...] = ()


feasible = ActivitySpec("run.feasible", FeasibleRequest, Feasible, timeout=timedelta(minutes=2))
