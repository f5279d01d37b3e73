"""The pipeline document as typed, frozen values: what an author may write.

Only the shape is checked here; what needs more than one field is in ``dsl.checks``.
Positions are kept by the loader, beside the values. Defaults that depend on the template
or the pipeline are ``None`` here and filled in by the compiler.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from dsl import limits
from dsl.core import Tier
from dsl.people import GROUP_PREFIX, refuse_name
from dsl.values.agent_ids import AGENT_ID_LENGTH_MAX, AGENT_ID_PATTERN
from dsl.values.durations import Duration

NAME_PATTERN = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
# As far as a pattern tells; ``dsl.people`` has the rest. No name ends in a blank.
_ENDS, _WITHIN = r"[^\u0000-\u0020\u007f-\u00a0]", r"[^\u0000-\u001f\u007f-\u009f]"
GROUP_PATTERN = rf"^{_ENDS}({_WITHIN}{{0,254}}{_ENDS})?$"
PERSON_PATTERN = rf"^(group:)?{_ENDS}({_WITHIN}{{0,254}}{_ENDS})?$"
PROJECT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
WRITABLE_PATTERN = r"^[^\x00]{1,1024}$"
SECRET_NAME_PATTERN = r"^[A-Z][A-Z0-9_]{0,63}$"  # noqa: S105  # a pattern, no secret
INPUT_NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
# The id is looked at by ``dsl.checks.agents``, which can say more about it.
ON_REVOKED_PATTERN = r"^(fail|skip|replace: ?[a-z][a-z0-9._-]*)$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def read_person(value: str) -> str:
    """Accept the name of a person, and of a group behind ``group:``."""
    why = refuse_name(value.removeprefix(GROUP_PREFIX))
    if why is not None:
        raise PydanticCustomError(NAME_REFUSED, "{why}", {"why": why})
    return value


def read_group(value: str) -> str:
    """Accept the name of a group."""
    why = refuse_name(value)
    if why is not None:
        raise PydanticCustomError(NAME_REFUSED, "{why}", {"why": why})
    return value


NAME_REFUSED: Final = "name_refused"
Person = Annotated[
    str,
    Field(pattern=PERSON_PATTERN),
    AfterValidator(read_person),
    WithJsonSchema(
        {"type": "string", "pattern": PERSON_PATTERN, "not": {"pattern": "^group:(group:| |$)"}}
    ),
]
Group = Annotated[
    str,
    Field(pattern=GROUP_PATTERN),
    AfterValidator(read_group),
    WithJsonSchema({"type": "string", "pattern": GROUP_PATTERN, "not": {"pattern": "^group:"}}),
]


def read_whole(value: Any) -> Any:
    """Accept ``1.0`` for ``1``: JSON Schema tells them apart as little as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Where it stands beside bounds, it stands behind them, or the schema would not have them.
AS_WHOLE = BeforeValidator(read_whole)
Whole = Annotated[int, AS_WHOLE]
Folder = Annotated[str, Field(pattern=WRITABLE_PATTERN)]
_MEMORY_MB = Field(ge=limits.AGENT_MEMORY_MB_MIN, le=limits.AGENT_MEMORY_MB_MAX)
Port = Annotated[int, Field(ge=1, le=65535), AS_WHOLE]


def parse_tier(value: Any) -> Tier:
    """Accept ``1`` and ``T1`` alike."""
    if isinstance(value, Tier):
        return value
    value = read_whole(value)
    text = value if isinstance(value, str) else f"T{value}"
    if isinstance(value, bool) or text not in Tier.__members__:
        raise ValueError(f"expected a trust tier from 0 to 4 (or T0 to T4), got {value!r}")
    return Tier[text]


TierField = Annotated[
    Tier,
    BeforeValidator(parse_tier),
    WithJsonSchema({"enum": [0, 1, 2, 3, 4, "T0", "T1", "T2", "T3", "T4"]}),
]


class Document(BaseModel):
    """Base of every document node: immutable, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class InputSpec(Document):
    """One input a run may be started with."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: str = ""
    enum: tuple[Any, ...] | None = Field(default=None, min_length=1)
    default: Any = None
    required: bool | None = Field(default=None, description="default: true when no default is set")


class ErrorBudgetConfig(Document):
    """How many errors the agent may make within a sliding window."""

    errors: Whole = Field(ge=0, le=10_000)
    window: Duration


class SandboxConfig(Document):
    """What the agent's process may touch beyond its private directory, and how much it may take."""

    tcp: tuple[Port, ...] = Field(default=(), max_length=20)
    write: tuple[Folder, ...] = Field(default=(), max_length=20)
    memory_mb: Annotated[int, _MEMORY_MB, AS_WHOLE] | None = None
    disk_mb: Annotated[int, Field(ge=1, le=limits.AGENT_DISK_MB_MAX), AS_WHOLE] | None = None
    files: (
        Annotated[int, Field(ge=limits.AGENT_FILES_MIN, le=limits.AGENT_FILES_MAX), AS_WHOLE] | None
    ) = None
    processes: (
        Annotated[
            int, Field(ge=limits.AGENT_PROCESSES_MIN, le=limits.AGENT_PROCESSES_MAX), AS_WHOLE
        ]
        | None
    ) = None
    cpu_s: Annotated[int, Field(ge=1, le=limits.AGENT_CPU_S_MAX), AS_WHOLE] | None = None


class ApproverGroup(Document):
    """A group of approvers with its own count."""

    name: Group
    quorum: Whole = Field(default=1, ge=1, le=limits.APPROVERS_MAX)


class Escalation(Document):
    """Who is asked when the time is up, and for how long."""

    approvers: tuple[Person, ...] = Field(min_length=1, max_length=limits.APPROVERS_MAX)
    quorum: Whole = Field(default=1, ge=1, le=limits.APPROVERS_MAX)
    timeout: Duration = limits.GATE_TIMEOUT_MS


class PeopleConfig(Document):
    """Who is asked, by a gate or by an agent, and until when."""

    approvers: tuple[Person, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    groups: tuple[ApproverGroup, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    quorum: Whole = Field(default=1, ge=1, le=limits.APPROVERS_MAX)
    timeout: Duration = limits.GATE_TIMEOUT_MS
    on_timeout: Literal["reject", "escalate"] = "reject"
    escalate_to: Escalation | None = None
    remind_every: Duration | None = None
    exclude: tuple[Literal["starter", "author"], ...] = ()
    identity: tuple[Literal["claimed", "verified"], ...] | None = Field(default=None, min_length=1)


class AgentConfig(Document):
    """How an agent stage runs."""

    tier: TierField | None = None
    timeout: Duration | None = None
    retry: Whole = Field(default=0, ge=0, le=limits.RETRIES_MAX)
    inputs: dict[str, Any] = Field(default_factory=dict, max_length=limits.INPUTS_MAX)
    secrets: dict[Annotated[str, Field(pattern=SECRET_NAME_PATTERN)], str] = Field(
        default_factory=dict, max_length=limits.SECRETS_MAX
    )
    error_budget: ErrorBudgetConfig | None = None
    clarifications: Whole = Field(default=0, ge=0, le=10)
    on_revoked: str = Field(default="fail", pattern=ON_REVOKED_PATTERN)
    sandbox: SandboxConfig = SandboxConfig()
    questions: PeopleConfig | None = None
    concurrency: Annotated[int, Field(ge=1, le=1), AS_WHOLE] | None = None

    @property
    def replacement(self) -> str | None:
        """Return the agent that takes over from a revoked one; None: no other does."""
        return self.on_revoked.partition(":")[2].strip() or None


class AgentStage(Document):
    """Run one agent through the eight lifecycle phases."""

    type: Literal["agent"]
    name: Name
    description: str = ""
    requires: tuple[Name, ...] = ()
    template: str
    agent: (
        Annotated[str, Field(pattern=AGENT_ID_PATTERN, max_length=AGENT_ID_LENGTH_MAX)] | None
    ) = None
    config: AgentConfig = AgentConfig()


class GateMember(Document):
    """An agent stage that votes at a consensus gate."""

    stage: str
    weight: Whole = Field(default=1, ge=1, le=100)
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)


class GateConfig(PeopleConfig):
    """Who decides, by when, and about what."""

    gate_type: Literal["approval", "consensus"] = "approval"
    reason: Literal["optional", "required"] = "optional"
    approves: tuple[str, ...] | None = None
    members: tuple[GateMember, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)


class GateStage(Document):
    """Wait until enough of the named people have said yes."""

    type: Literal["gate"]
    name: Name
    description: str = ""
    requires: tuple[Name, ...] = ()
    config: GateConfig


class Branch(Document):
    """One arm of a parallel stage."""

    name: Name
    stages: tuple[Stage, ...] = Field(min_length=1)


class ParallelConfig(Document):
    """When the branches are done, and what one failure does to the others."""

    join: Literal["all", "any"] = "all"
    on_failure: Literal["cancel", "continue"] = "cancel"


class ParallelStage(Document):
    """Run branches side by side."""

    type: Literal["parallel"]
    name: Name
    description: str = ""
    requires: tuple[Name, ...] = ()
    branches: tuple[Branch, ...] = Field(min_length=1, max_length=limits.BRANCHES_MAX)
    config: ParallelConfig = ParallelConfig()


class ConditionStage(Document):
    """Run one list of stages or the other."""

    type: Literal["condition"]
    name: Name
    description: str = ""
    requires: tuple[Name, ...] = ()
    if_: str = Field(alias="if")
    then: tuple[Stage, ...] = Field(min_length=1)
    else_: tuple[Stage, ...] = Field(default=(), alias="else")


Stage = Annotated[
    AgentStage | GateStage | ParallelStage | ConditionStage, Field(discriminator="type")
]


for _model in (Branch, ParallelStage, ConditionStage):
    _model.model_rebuild()


class Pipeline(Document):
    """A named graph of stages."""

    name: Name
    version: str = Field(min_length=1)
    description: str = ""
    project: str | None = Field(default=None, pattern=PROJECT_PATTERN)
    timeout: Duration = limits.PIPELINE_TIMEOUT_MS
    inputs: dict[Annotated[str, Field(pattern=INPUT_NAME_PATTERN)], InputSpec] = Field(
        default_factory=dict, max_length=limits.INPUTS_MAX
    )
    stages: tuple[Stage, ...] = Field(min_length=1)
