"""An agent stage, as an author writes it: what its agent is told, may touch, and may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dsl import limits
from dsl.stages.fields import (
    AS_WHOLE,
    ON_REVOKED_PATTERN,
    SECRET_NAME_PATTERN,
    Folder,
    Port,
    TierField,
    Whole,
)
from dsl.stages.people import ClarifiersConfig, QuestionsConfig
from dsl.stages.stage import Document, LeafStage
from dsl.stages.tools import ToolRuleConfig
from dsl.values.agent_ids import AGENT_ID_LENGTH_MAX, AGENT_ID_PATTERN
from dsl.values.durations import Duration, Grace

_MEMORY_MB = Field(ge=limits.AGENT_MEMORY_MB_MIN, le=limits.AGENT_MEMORY_MB_MAX)


class ErrorBudgetConfig(Document):
    """How many errors the agent may make within a sliding window."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "errors": "How many errors are allowed within the window.",
        "window": "The sliding window, with a unit.",
    }

    errors: Whole = Field(ge=1, le=limits.ERROR_BUDGET_MAX)
    window: Duration


class SandboxConfig(Document):
    """What the agent's process may touch beyond its private directory, and how much it may take."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "tcp": "Ports it may connect to.",
        "write": "Directories of MANDATE_WRITABLE that it writes into, as from the workspace.",
        "memory_mb": f"Memory of all its processes, in MiB; default: {limits.AGENT_MEMORY_MB}.",
        "disk_mb": f"Room in its private directory, in MiB; default: {limits.AGENT_DISK_MB}.",
        "files": f"Files in its private directory; default: {limits.AGENT_FILES}.",
        "processes": f"Its processes and threads; default: {limits.AGENT_PROCESSES}.",
        "cpu_s": "Processor time of each of its processes, in seconds; default: no limit.",
        "grace": "From SIGTERM to SIGKILL where it is cancelled, up to 60s; default: 0.5 s.",
    }

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
    grace: Grace | None = None


class AgentConfig(Document):
    """How an agent stage runs."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "tier": "The trust it needs, 0 to 4; default: that of the template.",
        "timeout": "How long it may take, with a unit; default: that of the template.",
        "retry": "How often a failure of the agent itself is tried again.",
        "inputs": "What the agent is told; text may hold ${{ expressions }}.",
        "secrets": "What EXECUTE may read and hands over: NAME: mount/path#field.",
        "error_budget": "The errors it may make; none left: it is stopped, or does not begin.",
        "clarifications": "How often its plan is clarified when the error budget is spent.",
        "clarify": "Who says how: its errors alone (auto), people (human), or agents (council).",
        "clarifiers": "These people, or the members of that council.",
        "on_exhausted": "What a spent budget means when no clarification is left.",
        "on_revoked": "What a revocation means: fail, skip, or 'replace: ' and another agent.",
        "sandbox": "What its processes may touch beyond their private directory, and may take.",
        "questions": "Who answers what it asks; without it, it may ask nothing.",
        "tools": "What it may call, by rules in order; what no rule names is denied.",
        "concurrency": "1: never two instances of this agent at a time.",
    }

    tier: TierField | None = None
    timeout: Duration | None = None
    retry: Whole = Field(default=0, ge=0, le=limits.RETRIES_MAX)
    inputs: dict[str, Any] = Field(default_factory=dict, max_length=limits.INPUTS_MAX)
    secrets: dict[Annotated[str, Field(pattern=SECRET_NAME_PATTERN)], str] = Field(
        default_factory=dict, max_length=limits.SECRETS_MAX
    )
    error_budget: ErrorBudgetConfig | None = None
    clarifications: Whole = Field(default=0, ge=0, le=limits.CLARIFICATIONS_MAX)
    clarify: Literal["auto", "human", "council"] = "auto"
    clarifiers: ClarifiersConfig | None = None
    on_exhausted: Literal["fail", "revoke"] = "fail"
    on_revoked: str = Field(default="fail", pattern=ON_REVOKED_PATTERN)
    sandbox: SandboxConfig = SandboxConfig()
    questions: QuestionsConfig | None = None
    tools: tuple[ToolRuleConfig, ...] = Field(default=(), max_length=limits.TOOL_RULES_MAX)
    concurrency: Annotated[int, Field(ge=1, le=1), AS_WHOLE] | None = None

    @property
    def replacement(self) -> str | None:
        """Return the agent that takes over from a revoked one; None: no other does."""
        return self.on_revoked.partition(":")[2].strip() or None


class AgentStage(LeafStage):
    """Run one agent through the eight lifecycle phases."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "template": "The kind of agent, such as terraform, ansible, code-review or default.",
        "agent": "The identity that earns trust; default: pipeline and path joined by dots.",
    }

    STAND_INS: ClassVar[Mapping[str, Any]] = {"template": "unread"}

    type: Literal["agent"]
    template: str
    agent: (
        Annotated[str, Field(pattern=AGENT_ID_PATTERN, max_length=AGENT_ID_LENGTH_MAX)] | None
    ) = None
    # Made anew for each: a default that holds maps is copied, deeply, which costs far more.
    config: AgentConfig = Field(default_factory=AgentConfig)
