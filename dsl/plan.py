"""The plan: a compiled pipeline, and all that a run ever sees of its document.

Everything is resolved: templates, defaults, paths. A run pins its plan by digest; the digest
stands on the ledger, in approvals and in evidence, so the canonical form below is a wire
format: a field that is added needs a default, none is renamed or dropped without raising
``PLAN_FORMAT``. Durations are integers in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple, assert_never

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from dsl.core import ErrorBudget, StageType, Tier, Value
from dsl.values.canonical import digest_of

PLAN_FORMAT: Final = 1
EXPRESSION_VERSION: Final = 1


class Step(Value):
    """What every step has: its place in the plan."""

    path: str  # names joined by "/", branches included
    name: str
    requires: tuple[str, ...] = ()  # names of siblings


class SandboxPlan(Value):
    """What the agent's process may touch beyond its private directory, and how much it may take.

    What is not declared is the worker's default, see ``dsl.limits``. Fields that came after the
    first plans stand in the canonical form only where they are declared: digests stay what they
    were.
    """

    tcp: tuple[int, ...] = ()
    memory_mb: int | None = None
    disk_mb: int | None = None
    files: int | None = None
    processes: int | None = None
    cpu_s: int | None = None  # of each process
    write: tuple[str, ...] = ()  # directories, relative to the workspace or absolute

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        later = ("disk_mb", "files", "processes", "cpu_s", "write")
        return {k: v for k, v in fields.items() if v or k not in later}

    def quota(self) -> dict[str, int]:
        """Return what is declared of how much it may take."""
        declared = {
            "memory_mb": self.memory_mb,
            "disk_mb": self.disk_mb,
            "files": self.files,
            "processes": self.processes,
            "cpu_s": self.cpu_s,
        }
        return {name: value for name, value in declared.items() if value is not None}


class GroupPlan(Value):
    """A group of approvers with its own count."""

    name: str
    quorum: int


class EscalationPlan(Value):
    """Who is asked when the time is up."""

    approvers: tuple[str, ...]
    quorum: int
    timeout_ms: int


class PeoplePlan(Value):
    """Who is asked, by a gate or by an agent, and until when."""

    approvers: tuple[str, ...]
    groups: tuple[GroupPlan, ...] = ()
    quorum: int
    timeout_ms: int
    on_timeout: Literal["reject", "escalate"]
    escalate_to: EscalationPlan | None = None
    remind_every_ms: int | None = None
    exclude: tuple[str, ...] = ()
    identity: tuple[str, ...] | None = None  # None: the worker's default


class AgentStep(Step):
    """One agent to be run through its phases."""

    type: Literal[StageType.AGENT] = StageType.AGENT
    template: str
    program: str | None  # bare name; None: declared, no program yet
    phases: tuple[str, ...]  # phases in which the program itself is asked
    agent: str  # identity; an inline plan prefixes it, see dsl.rules.trust.admission
    tier: Tier
    timeout_ms: int
    retry: int = 0
    inputs: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    error_budget: ErrorBudget | None = None
    clarifications: int = 0
    on_revoked: str = "fail"
    sandbox: SandboxPlan = SandboxPlan()
    concurrency: int | None = None
    questions: PeoplePlan | None = None  # None: it may ask nothing
    produces: tuple[str, ...] = ()  # names of what EXECUTE must put out

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what came later and is not declared: digests stay what they were."""
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k not in ("questions", "produces")}

    @property
    def replacement(self) -> str | None:
        """Return the agent that takes over from a revoked one; None: no other does."""
        return self.on_revoked.partition(":")[2] or None


class MemberPlan(Value):
    """An agent stage, by path, that votes at a consensus gate."""

    stage: str
    weight: int
    min_confidence: float


class GateStep(PeoplePlan, Step):
    """One decision to be waited for."""

    type: Literal[StageType.GATE] = StageType.GATE
    description: str = ""
    gate_type: Literal["approval", "consensus"]
    reason: Literal["optional", "required"] = "optional"
    approves: tuple[str, ...] = ()  # paths of stages whose outputs are approved
    members: tuple[MemberPlan, ...] = ()


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


class ConditionStep(Step):
    """One list of steps or the other."""

    type: Literal[StageType.CONDITION] = StageType.CONDITION
    expression: str
    then: tuple[AnyStep, ...]
    otherwise: tuple[AnyStep, ...] = ()


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

    def digest(self) -> str:
        """Return ``sha256:<hex>`` of the plan in canonical JSON."""
        return digest_of(self.model_dump(mode="json"))


def walk(steps: tuple[AnyStep, ...]) -> Iterator[AnyStep]:
    """Yield every step, outer before inner, in document order."""
    for step in steps:
        yield step
        for arm in children(step):
            yield from walk(arm.steps)


class Arm(NamedTuple):
    """One list of steps inside another step."""

    label: str  # name of the branch; "then", "else"
    steps: tuple[AnyStep, ...]


def children(step: AnyStep) -> tuple[Arm, ...]:
    """Return what is inside ``step``: its branches, or both arms of a condition, empty or not.

    Whoever looks into steps does it through this: a kind of step that it does not know is an
    error to the type checker and at run time, never a step with nothing inside.
    """
    match step:
        case ParallelStep():
            return tuple(Arm(branch.name, branch.steps) for branch in step.branches)
        case ConditionStep():
            return Arm("then", step.then), Arm("else", step.otherwise)
        case AgentStep() | GateStep():
            return ()
        case _:
            assert_never(step)


BranchPlan.model_rebuild()
ParallelStep.model_rebuild()
ConditionStep.model_rebuild()
Plan.model_rebuild()
