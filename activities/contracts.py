"""What workflows may ask for: activity names, types, queues, timeouts.

Workflows import this module and nothing else from ``activities``. The implementations live
next door and are looked up by name, so workflow code never loads ``hvac``, ``redis`` or
``sqlite3`` (enforced by import-linter and by a test of ``sys.modules``).

1. Names are wire names, literal and here only.
2. No limit of attempts: an outage is waited out, visibly; the stage's timeout ends it. The
   agent's own failures are final here and counted by the workflow (``retry:``).
3. Every activity heartbeats, so that a dead worker is noticed in seconds, not at the timeout.
4. Cancelling waits for the activity to end. A caller that was cancelled meanwhile gets
   ``CancelledError``, also when the activity finished all the same: nothing goes on after a
   cancel because the cancel came late.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from pydantic import Field
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from dsl.core import AgentOutput, AgentPhase, Tier, Value
from dsl.plan import AgentStep, Plan

QUEUE: Final = "mandate"
QUEUE_T3: Final = "mandate-t3"
QUEUE_TRUST: Final = "mandate-trust"
QUEUE_LEDGER: Final = "mandate-ledger"

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=15)
QUICK: Final = timedelta(seconds=30)
RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=3)
)

# Failure types that cross the boundary and that workflows tell apart.
AGENT_FAILED: Final = "AgentFailed"
AGENT_FAILED_FOR_GOOD: Final = "AgentFailedForGood"
COLD: Final = "ColdError"
REVOKED: Final = "RevokedError"
UNREGISTERED: Final = "UnregisteredError"

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)


@dataclass(frozen=True, slots=True)
class ActivitySpec(Generic[In, Out]):
    """One activity as seen from workflow code."""

    name: str
    input: type[In]
    output: type[Out]
    queue: str | None = None  # None: the workflow's own
    timeout: timedelta = QUICK

    async def __call__(
        self,
        request: In,
        *,
        activity_id: str,
        summary: str,
        limit: timedelta | None = None,
        give_up_after: timedelta | None = None,
    ) -> Out:
        """Schedule the activity and wait for its result.

        ``activity_id`` is given by the caller because replay compares it, and little else;
        without it two swapped phases would replay clean. ``limit`` is for one attempt (default
        the activity's own); ``give_up_after`` bounds all
        attempts together: only cleaning up may give up.
        """
        try:
            result: Out = await workflow.execute_activity(
                self.name,
                request,
                activity_id=activity_id,
                summary=summary,
                result_type=self.output,
                task_queue=self.queue,
                start_to_close_timeout=limit or self.timeout,
                schedule_to_close_timeout=give_up_after,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,  # (3)
                retry_policy=RETRY,  # (2)
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError:
            obey_cancel()
            raise
        obey_cancel()
        return result


def obey_cancel() -> None:
    """Raise ``CancelledError`` when the calling task was asked to stop (4)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


# --- compiling -------------------------------------------------------------------------------


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


# A local activity: it only reads files, and one marker is cheaper than six events.
COMPILE: Final = "pipeline.compile"
COMPILE_TIMEOUT: Final = timedelta(seconds=10)


# --- ledger ----------------------------------------------------------------------------------


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


record = ActivitySpec("ledger.record", RecordRequest, RecordResult, queue=QUEUE_LEDGER)
authority = ActivitySpec("ledger.authority", AuthorityRequest, Authority, queue=QUEUE_LEDGER)


# --- trust -----------------------------------------------------------------------------------


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


register = ActivitySpec(
    "trust.register",
    RegisterRequest,
    RegisterResult,
    queue=QUEUE_TRUST,
    timeout=timedelta(minutes=2),
)


# --- phases ----------------------------------------------------------------------------------


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
    given: dict[str, tuple[AgentOutput, ...]] = Field(default_factory=dict)
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


PHASES: Final = {
    phase: ActivitySpec(f"agent.{phase.value.lower()}", PhaseRequest, PhaseResult)
    for phase in AgentPhase
}


# --- the child workflow ----------------------------------------------------------------------

AGENT_WORKFLOW: Final = "Agent"


class AgentRequest(Value):
    """What the parent tells the child workflow ``Agent``."""

    pipeline: str
    plan: str
    project: str
    agent: str
    step: AgentStep
    inputs: dict[str, Any] = Field(default_factory=dict)
    given: dict[str, tuple[AgentOutput, ...]] = Field(default_factory=dict)  # by stage path


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
