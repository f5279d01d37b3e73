"""What crosses the boundary between workflows and activities: requests and answers.

Wire format: fields are only ever added, with a default; none is renamed or dropped without a
replay test. Nothing here is a secret, and nothing here loads a client library.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from dsl.core import AgentOutput, Tier, Value
from dsl.plan import AgentStep, Plan

# Stage paths become names of directories: names joined by "/", no dots.
StagePath = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*$")]


class CompileRequest(Value):
    """A document (text or data), or the name of a catalogue pipeline, and the run's inputs."""

    source: str  # how problems name the document
    name: str | None = None
    text: str | None = None
    data: dict[str, Any] | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)


class Policy(Value):
    """The worker's settings that decide something in a run; pinned in its history."""

    inline_tier: Tier = Tier.T0
    gate_identity: str = "claimed"
    search_attributes: bool = True


class CompileResult(Value):
    """The plan, or the report of all problems."""

    plan: Plan | None = None
    digest: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    problems: str = ""
    policy: Policy = Policy()


class EntryDraft(Value):
    """One fact to be recorded; the writer adds who asks, from where, and when."""

    action: str
    agent: str = "-"
    tier: Tier = Tier.T0
    payload: dict[str, Any] = Field(default_factory=dict)


class Binding(Value):
    """What an agent identity is bound to since it was first seen."""

    pipeline: str
    template: str
    program: str  # digest, or "" while the template has no program


class Authority(Value):
    """What the ledger says of an agent; seeds the guard in Dragonfly."""

    fence: int = 0
    epoch: int = 0
    revoked: bool = False


class RecordRequest(Value):
    """Facts to record, and what to answer along with the receipt."""

    entries: tuple[EntryDraft, ...]
    authority_of: str | None = None
    standing_of: str | None = None  # plan digest
    agents: tuple[str, ...] = ()  # with standing_of: the agents as the plan names them


class Standing(Value):
    """What the ledger knows of a plan and its agents."""

    registered: bool
    author: str | None = None
    unknown: tuple[str, ...] = ()  # identities never registered


class RecordResult(Value):
    """Receipt: the entries are on disk."""

    first: int
    last: int
    authority: Authority | None = None
    standing: Standing | None = None


class AuthorityRequest(Value):
    """Ask afresh, never from memory: the guard is cold."""

    agent: str


class Registration(Value):
    """One agent to be known to Vault."""

    agent: str
    pipeline: str
    template: str
    program: str | None


class RegisterRequest(Value):
    """Agents to be known to Vault."""

    agents: tuple[Registration, ...]


class Registered(Value):
    """One agent as Vault knows it now."""

    agent: str
    entity: str
    tier: Tier
    binding: Binding
    created: bool


class RegisterResult(Value):
    """What was found or made, in the order asked."""

    agents: tuple[Registered, ...]


class PhaseRequest(Value):
    """What every phase is told."""

    pipeline: str
    plan: str  # digest
    project: str
    agent: str  # identity, prefixed for an inline plan
    step: AgentStep
    inputs: dict[str, Any] = Field(default_factory=dict)
    authority: Authority
    seed: bool = False  # only right after the ledger was asked
    attempt: int = 1  # the workflow's own count of tries
    entity: str = ""  # Vault entity id, known after BOOTSTRAP
    prior: tuple[AgentOutput, ...] = ()
    given: dict[StagePath, tuple[AgentOutput, ...]] = Field(default_factory=dict)
    status: str = "running"  # EXIT: how the stage ends
    detail: str = ""


class PhaseResult(Value):
    """What every phase answers."""

    outputs: tuple[AgentOutput, ...] = ()
    output: dict[str, Any] = Field(default_factory=dict)  # what conditions may read
    fence: int = 0
    entity: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)  # goes on the ledger
    unreleased: tuple[str, ...] = ()  # EXIT: left to TTL and sweeper


class AgentRequest(Value):
    """What the parent tells the child workflow ``Agent``."""

    pipeline: str
    plan: str
    project: str
    agent: str
    step: AgentStep
    inputs: dict[str, Any] = Field(default_factory=dict)
    given: dict[StagePath, tuple[AgentOutput, ...]] = Field(default_factory=dict)


class AgentReport(Value):
    """What became of an agent stage."""

    status: str  # a StageStatus
    detail: str = ""
    reason: str = ""  # "", "timeout", "agent", "revoked": which failure the run ends with
    output: dict[str, Any] = Field(default_factory=dict)
    outputs: tuple[AgentOutput, ...] = ()
    attempts: int = 0
    ledger: tuple[int, int] | None = None  # first and last entry
    unrecorded: tuple[EntryDraft, ...] = ()  # what EXIT could not put on the ledger
