"""The pipeline document as typed, frozen values: what an author may write.

Here are the document and the stages that hold others; agents, gates and what they say are in
``dsl.stages``. Only the shape is checked; what needs more than one field is in ``dsl.checks``.
Positions are kept by the loader, beside the values. Defaults that depend on the template or the
pipeline are ``None`` here and filled in by the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dsl import limits
from dsl.stages.agent import AgentConfig, AgentStage, ErrorBudgetConfig, SandboxConfig
from dsl.stages.fields import INPUT_NAME_PATTERN, PROJECT_PATTERN, Name
from dsl.stages.gate import GateConfig, GateStage
from dsl.stages.notify import NotifyConfig
from dsl.stages.people import (
    ApproverGroup,
    ClarifiersConfig,
    Escalation,
    GateMember,
    PeopleConfig,
    QuestionsConfig,
)
from dsl.stages.stage import AnyStage, Document, Place, StageArm
from dsl.stages.tools import ToolApproval, ToolRateConfig, ToolRuleConfig
from dsl.steps.step import Passes
from dsl.values.durations import Duration

__all__ = [
    "AgentConfig",
    "AgentStage",
    "ApproverGroup",
    "Branch",
    "ClarifiersConfig",
    "ConditionStage",
    "Document",
    "ErrorBudgetConfig",
    "Escalation",
    "GateConfig",
    "GateMember",
    "GateStage",
    "InputSpec",
    "NotifyConfig",
    "ParallelConfig",
    "ParallelStage",
    "PeopleConfig",
    "Pipeline",
    "QuestionsConfig",
    "SandboxConfig",
    "Stage",
    "ToolApproval",
    "ToolRateConfig",
    "ToolRuleConfig",
]


class InputSpec(Document):
    """One input a run may be started with."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "type": "What the value must be.",
        "description": "What the input is for.",
        "enum": "The values that are allowed; default: all of the type.",
        "default": "The value where a run is started without one.",
        "required": "Whether a run must give it; default: true when no default is set.",
    }

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: str = ""
    enum: tuple[Any, ...] | None = Field(default=None, min_length=1)
    default: Any = None
    required: bool | None = Field(default=None, description="default: true when no default is set")


class Branch(Document):
    """One arm of a parallel stage."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "name": "Unique among the branches.",
        "stages": "The stages of the branch.",
    }

    name: Name
    stages: tuple[Stage, ...] = Field(min_length=1)


class ParallelConfig(Document):
    """When the branches are done, and what one failure does to the others."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "join": "all: every branch must complete. any: the first one is enough.",
        "on_failure": "What the failure of one branch does to the others.",
    }

    join: Literal["all", "any"] = "all"
    on_failure: Literal["cancel", "continue"] = "cancel"


class ParallelStage(AnyStage):
    """Run branches side by side."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {"branches": "What runs side by side."}

    type: Literal["parallel"]
    branches: tuple[Branch, ...] = Field(min_length=1, max_length=limits.BRANCHES_MAX)
    config: ParallelConfig = ParallelConfig()

    @property
    def arms(self) -> tuple[StageArm, ...]:
        """Its branches."""
        return tuple(
            StageArm(each.name, ("branches", number, "stages"), each.stages, _branch_name(number))
            for number, each in enumerate(self.branches)
        )

    @property
    def passes(self) -> Passes:
        """It completes though a branch has failed, where the author says so."""
        if self.config.on_failure == "continue":
            return Passes.NO_ARM
        return Passes.EVERY_ARM if self.config.join == "all" else Passes.ONE_ARM

    @property
    def passes_at(self) -> tuple[Place, ...]:
        """Both fields of ``config``."""
        return ("config", "join"), ("config", "on_failure")

    @property
    def runs_arms_together(self) -> bool:
        """Side by side."""
        return True

    @property
    def decided_by(self) -> str | None:
        """Nothing."""
        return None


def _branch_name(number: int) -> Place:
    return ("branches", number, "name")


class ConditionStage(AnyStage):
    """Run one list of stages or the other."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "if": "An expression over inputs and stages, such as inputs.region == 'eu'.",
        "then": "The stages that run when it is true.",
        "else": "The stages that run when it is false.",
    }

    type: Literal["condition"]
    if_: str = Field(alias="if")
    then: tuple[Stage, ...] = Field(min_length=1)
    else_: tuple[Stage, ...] = Field(default=(), alias="else")

    @property
    def arms(self) -> tuple[StageArm, ...]:
        """What runs when it is true, and when it is false."""
        both = (("then", self.then), ("else", self.else_))
        return tuple(StageArm(label, (label,), stages) for label, stages in both if stages)

    @property
    def passes(self) -> Passes:
        """One arm; without an ``else`` it may have taken none."""
        return Passes.ONE_ARM if self.else_ else Passes.NO_ARM

    @property
    def passes_at(self) -> tuple[Place, ...]:
        """Whether there is an ``else``."""
        return (("else",),)

    @property
    def runs_arms_together(self) -> bool:
        """One is taken."""
        return False

    @property
    def decided_by(self) -> str | None:
        """Its ``if``."""
        return self.if_


Stage = Annotated[
    AgentStage | GateStage | ParallelStage | ConditionStage, Field(discriminator="type")
]


for _model in (Branch, ParallelStage, ConditionStage):
    _model.model_rebuild()


class Pipeline(Document):
    """A named graph of stages."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "name": "Lower-case letters, digits and hyphens; it becomes the workflow type.",
        "version": 'The author\'s own; write it in quotes: "1.0".',
        "description": "What the pipeline is for, in a sentence.",
        "project": "What its agents belong to; default: the workflow id of the run.",
        "timeout": "How long a run may take, with a unit: 90s, 30m, 2h, 1d.",
        "inputs": "What a run may be started with, by name.",
        "notify": "Who is told of each run, and of what.",
        "stages": "The steps; each starts as soon as all it requires have completed.",
    }

    name: Name
    version: str = Field(min_length=1)
    description: str = ""
    project: str | None = Field(default=None, pattern=PROJECT_PATTERN)
    timeout: Duration = limits.PIPELINE_TIMEOUT_MS
    inputs: dict[Annotated[str, Field(pattern=INPUT_NAME_PATTERN)], InputSpec] = Field(
        default_factory=dict, max_length=limits.INPUTS_MAX
    )
    notify: tuple[NotifyConfig, ...] = Field(default=(), max_length=limits.NOTIFY_MAX)
    stages: tuple[Stage, ...] = Field(min_length=1)
