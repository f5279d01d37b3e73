"""What every kind of step has in a plan, and what it answers to whoever looks into plans.

Rules and drawings ask a step these questions and do not tell kinds apart, but for agents and gates,
which governance is about. A kind that does not answer one of them cannot be made: it is never taken
for a step with nothing inside.
"""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Any

from dsl.core import Value


class Passes(Enum):
    """What of the inside of a stage has completed when the stage has."""

    EVERY_ARM = "all that is inside"
    ONE_ARM = "one list of what is inside, and nobody knows which"
    NO_ARM = "nothing that can be relied on"


class Shape(Enum):
    """How a step is drawn."""

    BOX = "something is done"
    HEXAGON = "something is waited for"
    FRAME = "lists of steps"
    CHOICE = "a question, and a list of steps for each answer"


class Step(Value):
    """What every step has: its place in the plan."""

    path: str  # names joined by "/", branches included
    name: str
    requires: tuple[str, ...] = ()  # names of siblings

    @property
    @abstractmethod
    def arms(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """What is inside it, list by list, each with its label; see ``dsl.plan.children``."""

    @property
    @abstractmethod
    def passes(self) -> Passes:
        """What of the inside has completed when it has."""

    @property
    @abstractmethod
    def decided_by(self) -> str | None:
        """The expression that decides which of two arms is taken, the first where it holds."""

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """How it is drawn."""

    @property
    @abstractmethod
    def facts(self) -> tuple[str, ...]:
        """What it is, for people: some facts of a few words each."""


class LeafStep(Step):
    """A step without others inside: it passes for nothing, unless governance knows its kind."""

    @property
    def arms(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """None."""
        return ()

    @property
    def passes(self) -> Passes:
        """Nothing."""
        return Passes.NO_ARM

    @property
    def decided_by(self) -> str | None:
        """Nothing."""
        return None
