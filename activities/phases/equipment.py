"""What every phase needs: its connections, its lease, and how it puts things out.

1. Every attempt of a phase takes the lease anew, as the same owner under its own nonce: it
   finds the lease of its predecessor and fences the predecessor out. Where a program of that one
   may still run, it waits for its end, or for the end of that lease.
2. The guard is seeded only when the ledger was *just* asked: by an attempt that began, and had its
   place, within seconds of that. An answer that waited out an outage, for a worker, or in line, may
   miss a revocation; without the seed the guard is cold, and the workflow asks again.
3. Outputs go to the artefact store; history carries digest, size and media type.
4. A phase is entered in order: the one that this run has published last must let it follow. What
   Dragonfly has forgotten is not compared. A breach is refused before the lease is taken. Local
   activities of one workflow task are done again together when that task is lost: one that this
   run has published before is another try, whatever came after it. So is the regular activity that
   takes the place of a local one which failed because of the lost task, and the one under the next
   number that is asked for where a circuit has held it back meanwhile, or the guard was cold.
5. T3 and T4 have a worker of their own, with a Vault identity of its own, which verifies
   everything itself. No other worker runs a phase of theirs, and that one runs no other.
6. Attempts are told apart by age, in the server's time: an activity by when it was started, a local
   one by when its workflow task was, for the clock of its worker may be ahead of the server's.
7. What the ledger says of an agent's errors is put back wherever it was asked. That grants nothing
   and takes nothing that was not so, however old the answer is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.places import AGENTS_MAX, Places
from activities.proofs.warrant import Warrants
from activities.runtime.violation import ViolationError
from dsl.core import PHASE_OUTPUT_TYPES, AgentOutput, AgentPhase, Tier, is_terminal_phase
from dsl.rules.run.lifecycle import may_follow
from dsl.rules.trust.admission import instance_id
from dsl.rules.trust.violations import Violation
from dsl.tools.folders import ToolFolders
from dsl.values.canonical import canonical
from dsl.values.circuit_names import DRAGONFLY
from integrations.agents.processes.roster import Roster
from integrations.agents.programs.catalogue import Programs
from integrations.agents.runner import AgentRunner
from integrations.artifacts.store import Artifacts
from integrations.dragonfly.budgets import Budgets
from integrations.dragonfly.errors import OrderError
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Lease, Leases, Step
from integrations.dragonfly.watcher import RevocationWatcher
from integrations.errors import DeniedError
from integrations.health.breakers import Breakers
from integrations.settings import Settings
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.ending import CredentialEnds
from integrations.vault.credentials.issuer import CredentialIssuer
from integrations.vault.identity.registry import Registry

# What a phase must not follow; itself it follows as another try of it.
_NOT_BEFORE: Final = {
    phase: tuple(
        last.value
        for last in AgentPhase
        if last is not phase and not is_terminal_phase(phase) and not may_follow(last, phase)
    )
    for phase in AgentPhase
}
ANSWER_FRESH_MS: Final = 10_000
READ_AT_ONCE_MAX: Final = 1 << 16  # bytes, read in less time than a thread takes to begin


@dataclass(frozen=True, slots=True)
class HighTier:
    """What only the worker of T3 and T4 has."""

    warrants: Warrants
    requests: ControlGroupRequests


@dataclass(frozen=True, slots=True)
class Equipment:
    """The connections of a phase worker."""

    settings: Settings
    guards: AgentGuards
    leases: Leases
    budgets: Budgets
    registry: Registry
    issuer: CredentialIssuer
    artifacts: Artifacts
    runner: AgentRunner
    programs: Programs
    ends: CredentialEnds
    tools: ToolFolders
    high: HighTier | None = None  # None: phases up to T2
    watcher: RevocationWatcher | None = None  # None: leases beat in their own time
    roster: Roster = field(default_factory=Roster)
    places: Places = field(default_factory=lambda: Places("agents", AGENTS_MAX))
    breakers: Breakers = field(default_factory=Breakers)


def instance_of(request: messages.PhaseRequest) -> str:
    """Return the name under which this run of the agent is known to Dragonfly."""
    info = activity.info()
    return instance_id(
        request.agent, info.workflow_id or "", info.workflow_run_id or "", request.step.path
    )


def holder_of(request: messages.PhaseRequest) -> str:
    """Return whose lock is taken: the identity's own where only one may run at a time."""
    return request.agent if request.step.concurrency == 1 else instance_of(request)


async def enter(
    equipment: Equipment,
    request: messages.PhaseRequest,
    phase: AgentPhase,
    *,
    status: str = "running",
) -> Lease:
    """Take the agent's lease for this attempt, and let others see that it is in ``phase`` now.

    The guard is seeded before, where that is due.

    Raises:
        ViolationError: another phase has to come first (4).
    """
    refuse_queue(equipment, request)
    known = GuardSeed(
        fence=request.authority.fence,
        epoch=request.authority.epoch,
        revoked=request.authority.revoked,
    )
    begun_ms = _begun_ms(request)
    try:
        async with equipment.breakers.attending(DRAGONFLY):  # nothing was done yet
            with equipment.breakers.of(DRAGONFLY).watching():
                return await _take(
                    equipment, request, phase, known, begun_ms=begun_ms, status=status
                )
    except OrderError as error:
        raise ViolationError(Violation.PHASE_ORDER, str(error)) from None


async def _take(
    equipment: Equipment,
    request: messages.PhaseRequest,
    phase: AgentPhase,
    known: GuardSeed,
    *,
    begun_ms: int,
    status: str,
) -> Lease:
    info = activity.info()
    # (2) only what the ledger has just said
    if request.seed and begun_ms - request.authority.at_ms < ANSWER_FRESH_MS:
        await equipment.guards.seed(request.agent, known)
    if request.seed and request.step.error_budget is not None:
        # (7) whoever has seeded the guard
        await equipment.budgets.recall(request.agent, request.authority.errors)
    return await equipment.leases.acquire(  # (1) anew: it fences out its predecessor
        agent=request.agent,
        holder=holder_of(request),
        owner=f"{info.workflow_id}/{info.workflow_run_id}",
        # Temporal counts attempts from one again when an operator resets an activity.
        nonce=f"{info.activity_id}#{info.attempt}@{begun_ms}",
        begun_ms=begun_ms,
        authority=known,
        project=request.project,
        step=_step(request, phase, status),
    )


def _step(request: messages.PhaseRequest, phase: AgentPhase, status: str) -> Step:
    info = activity.info()
    return Step(
        name=phase.value,
        op_id=info.activity_id,
        not_after=_NOT_BEFORE[phase],  # (4) in order
        fields={
            "phase": phase.value,
            "status": status,
            "tier": request.step.tier.name,
            "run": info.workflow_id or "",
            "run_id": info.workflow_run_id or "",
        },
        repeats=_repeats(request, phase),  # (4) local ones are done again together
    )


def _repeats(request: messages.PhaseRequest, phase: AgentPhase) -> bool:
    """Tell whether the phase can be done again after others, for its outcome was lost (4)."""
    step = request.step
    runs_no_program = phase not in step.phases or step.runtime is not None
    return activity.info().is_local or (step.tier < Tier.T3 and runs_no_program)


def refuse_queue(equipment: Equipment, request: messages.PhaseRequest) -> None:
    """Refuse a phase that belongs to another worker (5).

    Raises:
        DeniedError: it does.
    """
    tier = request.step.tier
    if (tier >= Tier.T3) != (equipment.high is not None):
        queue = specs.QUEUE_T3 if tier >= Tier.T3 else specs.QUEUE
        raise DeniedError(
            f"a phase of {tier.name} runs on queue {queue}, and this worker serves "
            f"{activity.info().task_queue}"
        )


def _begun_ms(request: messages.PhaseRequest) -> int:
    """Return when this attempt was begun (6)."""
    info = activity.info()
    return request.begun_ms if info.is_local else int(info.started_time.timestamp() * 1000)


async def put_json(equipment: Equipment, phase: AgentPhase, name: str, value: Any) -> AgentOutput:
    """Store ``value`` as an output of ``phase`` (3)."""
    return await put_bytes(equipment, phase, name, canonical(value).encode(), "application/json")


async def put_bytes(
    equipment: Equipment, phase: AgentPhase, name: str, data: bytes, media_type: str
) -> AgentOutput:
    """Store ``data`` as an output of ``phase`` (3)."""
    artifact = (
        equipment.artifacts.known(data, media_type) if len(data) <= READ_AT_ONCE_MAX else None
    )
    if artifact is None:
        artifact = await asyncio.to_thread(equipment.artifacts.put, data, media_type)
    return AgentOutput(
        name=name,
        phase=phase,
        output_type=PHASE_OUTPUT_TYPES[phase],
        digest=artifact.digest,
        size=artifact.size,
        media_type=media_type,
    )
