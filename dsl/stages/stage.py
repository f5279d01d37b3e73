"""What every kind of stage has in a document, and what it answers to whoever checks documents.

A check asks a stage these questions and does not tell kinds apart, but for agents and gates, which
governance is about. A kind that does not answer one of them cannot be made.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from dsl.stages.fields import Name
from dsl.steps.step import Passes

Place = tuple[str | int, ...]  # in a document, from the stage on


class Document(BaseModel):
    """Base of every document node: immutable, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    # What an editor shows when the author rests on a field, by the name that authors write.
    EXPLAINED: ClassVar[Mapping[str, str]] = {}


class AnyStage(Document):
    """What every stage has."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "type": "What kind of stage it is.",
        "name": "Lower-case letters, digits and hyphens; unique among its siblings.",
        "description": "What the stage is for, in a sentence.",
        "requires": "Siblings that must have completed before it starts.",
        "config": "How the stage runs.",
    }
    # What stands in for a field that has to be there and cannot be read, see dsl.document.salvage.
    STAND_INS: ClassVar[Mapping[str, Any]] = {}

    name: Name
    description: str = ""
    requires: tuple[Name, ...] = ()

    @property
    @abstractmethod
    def arms(self) -> tuple[StageArm, ...]:
        """The lists of stages inside it; none is empty."""

    @property
    @abstractmethod
    def passes(self) -> Passes:
        """What of the inside has completed when it has."""

    @property
    @abstractmethod
    def passes_at(self) -> tuple[Place, ...]:
        """The fields that say so: one that cannot be read may say anything."""

    @property
    @abstractmethod
    def runs_arms_together(self) -> bool:
        """Whether its arms run side by side; otherwise one of them is taken."""

    @property
    @abstractmethod
    def decided_by(self) -> str | None:
        """The expression in its ``if`` that decides which arm is taken."""


@dataclass(frozen=True, slots=True)
class StageArm:
    """One list of stages inside another stage."""

    label: str  # name of the branch; "then", "else"
    at: Place
    stages: tuple[Any, ...]
    name_at: Place | None = (
        None  # where the author has named it; then paths inside it have its name
    )


class LeafStage(AnyStage):
    """A stage without others inside: it passes for nothing, unless governance knows its kind."""

    @property
    def arms(self) -> tuple[StageArm, ...]:
        """None."""
        return ()

    @property
    def passes(self) -> Passes:
        """Nothing."""
        return Passes.NO_ARM

    @property
    def passes_at(self) -> tuple[Place, ...]:
        """The whole stage: it may be of another kind."""
        return ((),)

    @property
    def runs_arms_together(self) -> bool:
        """It has none."""
        return False

    @property
    def decided_by(self) -> str | None:
        """Nothing."""
        return None
