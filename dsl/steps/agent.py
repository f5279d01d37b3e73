"""One agent to be run through its phases, as a run sees it."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from dsl.core import ErrorBudget, StageType, Tier, Value
from dsl.limits import PARK_AFTER_MS
from dsl.steps.people import ClarifiersPlan, QuestionsPlan
from dsl.steps.step import LeafStep, Shape
from dsl.steps.tools import ToolRule
from dsl.values.durations import render_duration

# Fields of an agent step, and of its sandbox.
_LATER: Final = frozenset(
    {"questions", "produces", "runtime", "tools", "clarify", "clarifiers", "on_exhausted"}
)
_LATER_OF_SANDBOX: Final = frozenset(
    {"disk_mb", "files", "processes", "cpu_s", "write", "grace_ms"}
)


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
    grace_ms: int | None = None  # from SIGTERM to SIGKILL, for one that is cancelled

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k not in _LATER_OF_SANDBOX}

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


class RuntimePlan(Value):
    """The activity or workflow that does an agent's work, on somebody else's worker."""

    kind: Literal["activity", "workflow"]
    type: str
    queue: str
    heartbeat_ms: int | None = None  # of an activity

    def __str__(self) -> str:
        return f"{self.kind} {self.type!r} of task queue {self.queue!r}"


class AgentStep(LeafStep):
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
    clarify: Literal["human", "council"] | None = None  # None: by its errors alone
    clarifiers: ClarifiersPlan | None = None
    on_exhausted: Literal["revoke"] | None = None  # None: it fails
    on_revoked: str = "fail"
    sandbox: SandboxPlan = SandboxPlan()
    concurrency: int | None = None
    questions: QuestionsPlan | None = None  # None: it may ask nothing
    produces: tuple[str, ...] = ()  # names of what EXECUTE must put out
    runtime: RuntimePlan | None = None  # None: a process, which Mandate starts
    tools: tuple[ToolRule, ...] = ()  # what it may call; none: nothing

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what came later and is not declared: digests stay what they were."""
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k not in _LATER}

    @property
    def replacement(self) -> str | None:
        """Return the agent that takes over from a revoked one; None: no other does."""
        return self.on_revoked.partition(":")[2] or None

    @property
    def park_after_ms(self) -> int:
        """Return how long its agent is left waiting for one answer; 0: it may ask nothing."""
        if self.questions is None:
            return 0
        return self.questions.park_after_ms or PARK_AFTER_MS

    @property
    def shape(self) -> Shape:
        """It does something."""
        return Shape.BOX

    @property
    def facts(self) -> tuple[str, ...]:
        """Which agent, how much it is trusted, and for how long."""
        return f"agent {self.template}", self.tier.name, render_duration(self.timeout_ms)
