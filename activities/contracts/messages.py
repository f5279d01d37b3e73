"""Requests and answers of activities. A field is added with a default; nothing here is secret."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from activities.contracts.resumption import (
    Asked,
    CheckpointRef,
    Errors,
    ErrorWords,
    Heard,
    Resumption,
    Spent,
    Violated,
)
from dsl.core import AgentOutput, StageStatus, Tier, Value
from dsl.limits import CLARIFICATIONS_MAX
from dsl.plan import AgentStep, Plan
from dsl.rules.gates.questions import Answered
from dsl.rules.health.clarification import Clarification
from dsl.rules.tools.journal import JournalEntry
from dsl.steps.tools import KnownTool
from dsl.values.names import StagePath
from dsl.values.sizes import Sentence


class CompileRequest(Value):
    """A document (text or data), or the name of a catalogue pipeline, and the run's inputs."""

    source: str  # how problems name the document
    name: str | None = None
    text: str | None = None
    data: dict[str, Any] | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    registers: bool = False  # only the plan is asked for: no run, so no inputs


class Policy(Value):
    """The worker's settings that decide something in a run; pinned in its history."""

    inline_tier: Tier = Tier.T0
    gate_identity: str = "claimed"
    search_attributes: bool = True
    shows_ends: bool = False  # no run whose history does not say so has shown how it ended
    gate_heads: bool = False  # as in histories that do not say: heads of outputs are put there
    ledger_beside: bool = False  # the process that runs workflows writes the ledger too


class CompileResult(Value):
    """The plan, or the report of all problems."""

    plan: Plan | None = None
    digest: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    problems: str = ""
    policy: Policy = Policy()
    tools: dict[str, KnownTool] = Field(default_factory=dict)  # that stages may call, by full name
    asking: tuple[str, ...] | None = None  # gates at which Vault is asked too; None: an older run
    programs: dict[str, str] = Field(default_factory=dict)  # digests, by template


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
    at_ms: int = 0  # asked for no later than then, by the clock of Temporal's server
    errors: Errors = Field(default_factory=dict)  # the newest


class RecordRequest(Value):
    """Facts to record, and what to answer along with the receipt."""

    entries: tuple[EntryDraft, ...]
    authority_of: str | None = None
    standing_of: str | None = None  # plan digest
    agents: tuple[str, ...] = ()  # with standing_of: the agents as the plan names them
    exhausted_of: str | None = None
    effect: str | None = None  # of a call about which people would be asked
    # The names of the first entries, where they were sent before; left out where none were.
    sent: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)


class Author(Value):
    """A person who has vouched for a plan, and the proof of it."""

    entity: str
    name: str
    proof: str


class Standing(Value):
    """What the ledger knows of a plan and its agents."""

    registered: bool
    author: str | None = None
    unknown: tuple[str, ...] = ()  # identities never registered
    authors: tuple[Author, ...] = ()  # empty: the installation itself vouches


class ProveRequest(Value):
    """A proof, and what it has to be about; ``workflow`` and ``run`` are the asking activity's."""

    purpose: str  # one of dsl.rules.proofs.proof
    about: dict[str, Any]
    proof: str
    voter: str = ""  # the name claimed with it; empty: whoever it is
    groups: tuple[str, ...] = ()  # groups of which membership matters


class Proven(Value):
    """Whose proof it is; or, recorded as well, why it is refused."""

    refusal: str = ""
    entity: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()  # of those asked for
    entry: int = -1  # its place on the ledger


class Ballot(Value):
    """One vote that counted, with its proof."""

    voter: str
    decision: str
    reason: str = ""
    proof: str


class Approval(Value):
    """A gate that people of proven identity have passed."""

    gate: str
    opening: int
    escalated: bool = False
    subject: dict[StagePath, dict[str, str]] = Field(default_factory=dict)
    ballots: tuple[Ballot, ...] = ()
    clarified: str = ""  # digest of the clarified plan that it is good for; empty: the run's


class Warrant(Value):
    """Why a T3 or T4 stage may act: everything its worker verifies again before it mints."""

    inputs: dict[str, Any] = Field(default_factory=dict)  # of the run
    approvals: tuple[Approval, ...] = ()
    authors: tuple[str, ...] = ()  # proofs
    starter: str = ""  # proof


class RecordResult(Value):
    """Receipt: the entries are on disk."""

    first: int
    last: int
    authority: Authority | None = None
    standing: Standing | None = None
    exhausted_in_a_row: int = 0  # runs of the agent that used up all tries, this one included
    taken: dict[str, int] = Field(default_factory=dict)  # effects, and the entry that has them
    held: int | None = None  # the entry that has the effect that was asked for


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
    program: str = ""  # digest, likewise; empty in histories that do not say
    prior: tuple[AgentOutput, ...] = ()
    given: dict[StagePath, tuple[AgentOutput, ...]] = Field(default_factory=dict)
    status: str = "running"  # EXIT: how the stage ends
    detail: str = ""
    warrant: Warrant | None = None  # T3 and T4 only
    checkpoint: CheckpointRef | None = None  # of the try before
    answers: tuple[Answered, ...] = ()  # to what the agent has asked in this stage
    heard: Heard | None = None  # of whoever did the work, where that is no program of ours
    clarified: Clarification | None = None  # the stage's plan; None: as the run's plan has it
    begun_ms: int = 0  # of a local activity: its workflow task, by the clock of Temporal's server
    ruled_by: str = ""  # digest of what its calls of tools are ruled by; empty: it has none


class PhaseResult(Value):
    """What every phase answers."""

    outputs: tuple[AgentOutput, ...] = ()
    output: dict[str, Any] = Field(default_factory=dict)  # what conditions may read
    fence: int = 0
    entity: str = ""
    program: str = ""  # digest of what was admitted
    facts: dict[str, Any] = Field(default_factory=dict)  # goes on the ledger
    unreleased: tuple[str, ...] = ()  # EXIT: left to TTL and sweeper
    last_step: str = ""  # EXIT: of the last try, where it did not deliver
    violations: tuple[Violated, ...] = ()  # seen, though the phase has delivered
    asked: Asked | None = None  # it asks people, and has delivered nothing
    erred: Errors = Field(default_factory=dict)
    erred_words: ErrorWords = Field(default_factory=dict)


class AgentRequest(Value):
    """What the parent tells the child workflow ``Agent``."""

    pipeline: str
    plan: str
    project: str
    agent: str
    step: AgentStep
    inputs: dict[str, Any] = Field(default_factory=dict)
    given: dict[StagePath, tuple[AgentOutput, ...]] = Field(default_factory=dict)
    warrant: Warrant | None = None  # T3 and T4 only
    resumption: Resumption | None = None  # it has asked, and people have answered
    clarified: Clarification | None = None  # the stage's plan; None: as the run's plan has it
    clarifications: int = Field(default=0, ge=0, le=CLARIFICATIONS_MAX)  # of the stage so far
    before: tuple[AgentOutput, ...] = ()  # what was put out under its plans before
    run_inputs: dict[str, Any] = Field(default_factory=dict)  # of the run, for a table of tools
    tools: dict[str, KnownTool] = Field(default_factory=dict)  # that it may call, by full name
    ledger_beside: bool = False  # its own worker may record, and intents go with their calls


class AgentReport(Value):
    """What became of an agent stage."""

    status: StageStatus
    detail: Sentence = ""
    reason: str = ""  # which failure the run ends with, see workflows.runtime.failures
    output: dict[str, Any] = Field(default_factory=dict)
    outputs: tuple[AgentOutput, ...] = ()
    attempts: int = 0
    ended_ms: int = 0  # by the clock of the stage; 0: it does not say
    ledger: tuple[int, int] | None = None  # first and last entry
    unrecorded: tuple[EntryDraft, ...] = ()  # what EXIT could not put on the ledger
    asked: Asked | None = None  # it waits for people, and goes on with their answer
    spent: Spent | None = None  # its plan is to be clarified, and goes on with that
    unstopped: Sentence = ""  # what of somebody else's work did not end when it was told to
    calls: tuple[JournalEntry, ...] = ()  # of which nobody knows whether they were made
