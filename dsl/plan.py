"""The plan: a compiled pipeline, and all that a run ever sees of its document.

Everything is resolved: templates, defaults, paths. A run pins its plan by digest; the digest
stands on the ledger, in approvals and in evidence, so the canonical form below, and of
``dsl.steps``, is a wire format: a field that is added needs a default, none is renamed or dropped
without raising ``PLAN_FORMAT``. Durations are integers in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from dsl.core import StageType, Value
from dsl.steps.agent import AgentStep, RuntimePlan, SandboxPlan
from dsl.steps.gate import GateStep
from dsl.steps.notify import NotifyPlan
from dsl.steps.people import (
    ClarifiersPlan,
    EscalationPlan,
    GroupPlan,
    MemberPlan,
    PeoplePlan,
    QuestionsPlan,
)
from dsl.steps.step import Passes, Shape, Step
from dsl.steps.tools import ToolApprovalPlan, ToolRate, ToolRule
from dsl.values.canonical import digest_of

__all__ = [
    "EXPRESSION_VERSION",
    "PLAN_FORMAT",
    "AgentStep",
    "AnyStep",
    "Arm",
    "BranchPlan",
    "ClarifiersPlan",
    "ConditionStep",
    "EscalationPlan",
    "GateStep",
    "GroupPlan",
    "InputPlan",
    "MemberPlan",
    "NotifyPlan",
    "ParallelStep",
    "PeoplePlan",
    "Plan",
    "QuestionsPlan",
    "RuntimePlan",
    "SandboxPlan",
    "Step",
    "ToolApprovalPlan",
    "ToolRate",
    "ToolRule",
    "children",
    "walk",
]

PLAN_FORMAT: Final = 1
EXPRESSION_VERSION: Final = 1


class Arm(NamedTuple):
    """One list of steps inside another step."""

    label: str  # name of the branch; "then", "else"
    steps: tuple[AnyStep, ...]


class BranchPlan(Value):
    """One arm of a parallel step."""

    name: str
    steps: tuple[AnyStep, ...]


class ParallelStep(Step):
    """Branches that run side by side."""

    type: Literal[StageType.PARALLEL] = StageType.PARALLEL
    branches: tuple[BranchPlan, ...]
    join: Literal["all", "any"]
    on_failure: Literal["cancel", "continue"]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Its branches."""
        return tuple(Arm(branch.name, branch.steps) for branch in self.branches)

    @property
    def passes(self) -> Passes:
        """It completes though a branch has failed, where the author says so."""
        if self.on_failure == "continue":
            return Passes.NO_ARM
        return Passes.EVERY_ARM if self.join == "all" else Passes.ONE_ARM

    @property
    def decided_by(self) -> str | None:
        """Nothing."""
        return None

    @property
    def shape(self) -> Shape:
        """Its branches stand in it."""
        return Shape.FRAME

    @property
    def facts(self) -> tuple[str, ...]:
        """When it is done, and what a failure does."""
        return "parallel", f"join {self.join}", f"on failure {self.on_failure}"


class ConditionStep(Step):
    """One list of steps or the other."""

    type: Literal[StageType.CONDITION] = StageType.CONDITION
    expression: str
    then: tuple[AnyStep, ...]
    otherwise: tuple[AnyStep, ...] = ()

    @property
    def arms(self) -> tuple[Arm, ...]:
        """What runs when it is true, and when it is false; either may be empty."""
        return Arm("then", self.then), Arm("else", self.otherwise)

    @property
    def passes(self) -> Passes:
        """One of both, and an empty one has passed nothing."""
        return Passes.ONE_ARM

    @property
    def decided_by(self) -> str | None:
        """Its expression."""
        return self.expression

    @property
    def shape(self) -> Shape:
        """A question."""
        return Shape.CHOICE

    @property
    def facts(self) -> tuple[str, ...]:
        """What is asked."""
        return (f"if {self.expression}",)


AnyStep = Annotated[
    AgentStep | GateStep | ParallelStep | ConditionStep, Field(discriminator="type")
]


class InputPlan(Value):
    """One declared input."""

    type: Literal["string", "integer", "number", "boolean"]
    enum: tuple[Any, ...] | None = None
    default: Any = None
    required: bool
    description: str = ""


class Plan(Value):
    """A pipeline, compiled."""

    format: int = PLAN_FORMAT
    expressions: int = EXPRESSION_VERSION
    name: str
    version: str
    project: str | None = None
    timeout_ms: int
    inputs: dict[str, InputPlan] = Field(default_factory=dict)
    steps: tuple[AnyStep, ...]
    notify: tuple[NotifyPlan, ...] = ()

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what came later and is not declared: digests stay what they were."""
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k != "notify"}

    def digest(self) -> str:
        """Return ``sha256:<hex>`` of the plan in canonical JSON."""
        return digest_of(self.model_dump(mode="json"))


def walk(steps: tuple[AnyStep, ...]) -> Iterator[AnyStep]:
    """Yield every step, outer before inner, in document order."""
    for step in steps:
        yield step
        for arm in children(step):
            yield from walk(arm.steps)


def children(step: AnyStep) -> tuple[Arm, ...]:
    """Return what is inside ``step``: its branches, or both arms of a condition, empty or not.

    Whoever looks into steps does it through this.
    """
    return tuple(Arm._make(arm) for arm in step.arms)


BranchPlan.model_rebuild()
ParallelStep.model_rebuild()
ConditionStep.model_rebuild()
Plan.model_rebuild()
