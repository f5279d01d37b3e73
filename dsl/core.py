"""Core definitions: the one authoritative vocabulary.

Every other module imports these names from here and defines none of them again. Values of
enums are wire values: they stand in histories, on the ledger and in Dragonfly, and are never
renamed without a replay test.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_serializer

from dsl.limits import (
    CLARIFICATION_LINE_LENGTH_MAX,
    CLARIFICATION_LINES_MAX,
    ERROR_BUDGET_MAX,
    SCOPE_MAX,
    TIMEOUT_MS_MAX,
)


class AgentPhase(StrEnum):
    """Where an agent stands in its lifecycle."""

    BOOTSTRAP = "BOOTSTRAP"
    PREFLIGHT = "PREFLIGHT"
    PLAN = "PLAN"
    EXECUTE = "EXECUTE"
    VERIFY = "VERIFY"
    PACKAGE = "PACKAGE"
    REPORT = "REPORT"
    EXIT = "EXIT"
    REVOKED = "REVOKED"


class AgentStatus(StrEnum):
    """What an agent instance is doing, as others see it."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVOKED = "revoked"


class OutputType(StrEnum):
    """Maturity of an output: alpha is a draft, beta refined, gamma final."""

    ALPHA = "alpha"
    BETA = "beta"
    GAMMA = "gamma"


class ChaosCondition(StrEnum):
    """What a chaos experiment may do to a run; ``dsl.chaos.catalogue`` says to what of it."""

    AGENT_CRASH = "agent-crash"
    AGENT_HANG = "agent-hang"
    AGENT_FLOOD = "agent-flood"
    CLOCK_SKEW = "clock-skew"
    WORKER_DEATH = "worker-death"
    WORKER_PAUSE = "worker-pause"
    LOCK_LOSS = "lock-loss"
    LEASE_EXPIRY = "lease-expiry"
    STALE_FENCE = "stale-fence"
    STATE_LOSS = "state-loss"
    STORE_OUTAGE = "store-outage"
    STORE_FROZEN = "store-frozen"
    STORE_SLOW = "store-slow"
    STORE_RESET = "store-reset"
    STORE_CUT = "store-cut"
    VAULT_SEALED = "vault-sealed"
    VAULT_FROZEN = "vault-frozen"
    ROLE_REVOKED = "role-revoked"
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - what happens to one
    LEDGER_FULL = "ledger-full"
    LEDGER_LOCKED = "ledger-locked"
    LEDGER_DEATH = "ledger-death"
    ENGINE_DEATH = "engine-death"
    ARTIFACTS_LOST = "artifacts-lost"
    TOOL_SERVER_KILLED = "tool-server-killed"
    TOOL_SERVER_HANGS = "tool-server-hangs"
    TOOL_ANSWER_LOST = "tool-answer-lost"
    BUDGET_SPENT = "budget-spent"
    BREAKER_OPEN = "breaker-open"
    VOTE_EARLY = "vote-early"
    VOTE_DUPLICATE = "vote-duplicate"
    VOTE_FORGED = "vote-forged"
    VOTE_MALFORMED = "vote-malformed"
    SIGNAL_UNKNOWN = "signal-unknown"
    RUN_RESET = "run-reset"
    RUN_TERMINATED = "run-terminated"
    RUN_CANCELLED = "run-cancelled"
    REVOCATION = "revocation"


class StageType(StrEnum):
    """The four kinds of stage."""

    AGENT = "agent"
    GATE = "gate"
    PARALLEL = "parallel"
    CONDITION = "condition"


class StageStatus(StrEnum):
    """How far a stage has come; the last six are final."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    REVOKED = "revoked"


class Tier(IntEnum):
    """Trust granted to an agent; mapped to Vault policies."""

    T0 = 0
    T1 = 1
    T2 = 2
    T3 = 3
    T4 = 4

    @property
    def title(self) -> str:
        """Return what people call the tier."""
        return ("observer", "operator", "builder", "executor", "architect")[self]


AGENT_PHASES_ORDERED: Final = (
    AgentPhase.BOOTSTRAP,
    AgentPhase.PREFLIGHT,
    AgentPhase.PLAN,
    AgentPhase.EXECUTE,
    AgentPhase.VERIFY,
    AgentPhase.PACKAGE,
    AgentPhase.REPORT,
    AgentPhase.EXIT,
)
AGENT_PHASE_NAMES: Final = tuple(phase.value for phase in AgentPhase)

PHASE_OUTPUT_TYPES: Final = {
    AgentPhase.BOOTSTRAP: OutputType.ALPHA,
    AgentPhase.PREFLIGHT: OutputType.ALPHA,
    AgentPhase.PLAN: OutputType.BETA,
    AgentPhase.EXECUTE: OutputType.BETA,
    AgentPhase.VERIFY: OutputType.GAMMA,
    AgentPhase.PACKAGE: OutputType.GAMMA,
    AgentPhase.REPORT: OutputType.GAMMA,
    AgentPhase.EXIT: OutputType.GAMMA,
}

DEFAULT_REDIS_HOST: Final = "127.0.0.1"
DEFAULT_REDIS_PORT: Final = 6379
# A default password would be a known one; the embedded stack generates its own.
DEFAULT_REDIS_PASSWORD: Final = None
DEFAULT_LEDGER_PATH: Final = ".mandate/ledger.db"

# Names of outputs become names of files.
OUTPUT_NAME_LENGTH_MAX: Final = 128
OUTPUT_NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
QUESTION_ID_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"


def get_output_type_for_phase(phase: AgentPhase) -> OutputType | None:
    """Return the maturity of what ``phase`` puts out; REVOKED puts out nothing."""
    return PHASE_OUTPUT_TYPES.get(phase)


def is_terminal_phase(phase: AgentPhase) -> bool:
    """Tell whether nothing comes after ``phase``."""
    return phase in (AgentPhase.EXIT, AgentPhase.REVOKED)


def next_phase(phase: AgentPhase) -> AgentPhase | None:
    """Return the phase that follows, or None after a terminal one."""
    if is_terminal_phase(phase):
        return None
    return AGENT_PHASES_ORDERED[AGENT_PHASES_ORDERED.index(phase) + 1]


class Value(BaseModel):
    """Base of the models below: immutable, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentOutput(Value):
    """One output of a phase; its bytes live in the artefact store under ``digest``."""

    name: str = Field(pattern=OUTPUT_NAME_PATTERN)
    phase: AgentPhase
    output_type: OutputType
    digest: str  # "sha256:<64 hex>"
    size: int  # bytes
    media_type: str = "application/json"
    plan: str = ""  # digest of the clarified plan it was made under; empty: there was one plan

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: Any) -> dict[str, Any]:
        """Leave out what came later and is not said: manifests stay what they were."""
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k != "plan"}


class ErrorBudget(Value):
    """How many errors an agent may make within a sliding window."""

    errors: int = Field(ge=1, le=ERROR_BUDGET_MAX)
    window_ms: int = Field(gt=0, le=TIMEOUT_MS_MAX)


Clause = Annotated[str, Field(min_length=1, max_length=CLARIFICATION_LINE_LENGTH_MAX)]
Clauses = Annotated[tuple[Clause, ...], Field(max_length=CLARIFICATION_LINES_MAX)]


class ClarifiedPlan(Value):
    """A plan revised after the error budget was spent: see ``dsl.rules.health.clarification``."""

    reasons: Clauses
    constraints: Clauses = ()
    scope: tuple[str, ...] = Field(default=(), max_length=SCOPE_MAX)  # all that is left of it


class StageResult(Value):
    """What became of one stage."""

    path: str
    type: StageType
    status: StageStatus
    detail: str = ""  # one sentence: why it ended so
    output: dict[str, Any] = Field(default_factory=dict)  # what conditions may read
    outputs: tuple[AgentOutput, ...] = ()
    attempts: int = 0
    began_ms: int = 0  # since 1970; 0: it has not
    ended_ms: int = 0


class PipelineContext(Value):
    """What conditions and agent inputs may refer to: inputs, and results by stage path."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    stages: dict[str, StageResult] = Field(default_factory=dict)


class RedisKeys:
    """Every key name in Dragonfly; ``agent`` may be an identity or an instance."""

    REVOCATIONS: Final = "governance:revocations"  # stream, and channel of the same name
    BEATS: Final = "governance:beats"  # sorted set of holders that a process lives by, by last beat
    CIRCUITS: Final = "governance:circuits"  # set of the names of circuits that were ever told of
    CIRCUIT_MOVES: Final = "governance:circuit-moves"  # stream: those that nobody has ordered

    @staticmethod
    def agent_guard(agent: str) -> str:
        """Hash ``fence epoch revoked``, no TTL: its absence means cold."""
        return f"agent:{agent}:guard"

    @staticmethod
    def agent_lock(agent: str) -> str:
        """Hash ``owner nonce fence begun bound claim`` with the lease as TTL."""
        return f"agent:{agent}:lock"

    @staticmethod
    def agent_state(agent: str) -> str:
        """Hash ``ver op fence`` and the cached fields."""
        return f"agent:{agent}:state"

    @staticmethod
    def agent_errors(agent: str) -> str:
        """Sorted set of ids of errors by time, for its error budgets; its absence means cold."""
        return f"agent:{agent}:errors"

    @staticmethod
    def circuit(name: str) -> str:
        """Hash: state, generation, window and permits of a circuit breaker."""
        return f"governance:circuit:{name}"

    @staticmethod
    def project_agents(project: str) -> str:
        """Set of the instances of a project."""
        return f"project:{project}:agents"

    @staticmethod
    def project_heartbeats(project: str) -> str:
        """Sorted set of instances by last beat."""
        return f"project:{project}:heartbeats"

    @staticmethod
    def project_ready(project: str) -> str:
        """Hash of instances to the objective version they are ready for."""
        return f"project:{project}:ready"
