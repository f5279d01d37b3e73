"""What every phase needs: its connections, its lease, and how it puts things out.

1. Every attempt of a phase takes the lease anew, as the same owner under its own nonce: it
   finds the lease of its predecessor and fences the predecessor out. Where a program of that one
   may still run, it waits for its end, or for the end of that lease.
2. The guard is seeded only when the ledger was *just* asked: in the first attempt, started
   within seconds. An answer that waited out an outage may miss a revocation; without the seed
   the guard is cold, and the workflow asks again.
3. Outputs go to the artefact store; history carries digest, size and media type.
4. A phase is entered in order: the one that this run has published last must let it follow. What
   Dragonfly has forgotten is not compared. A breach is refused before the lease is taken.
5. T3 and T4 have a worker of their own, with a Vault identity of its own, which verifies
   everything itself. No other worker runs a phase of theirs, and that one runs no other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from temporalio import activity

from activities.contracts import specs
from activities.proofs.warrant import Warrants
from activities.runtime.violation import ViolationError
from dsl.core import AGENT_PHASE_NAMES, PHASE_OUTPUT_TYPES, AgentOutput, AgentPhase, Tier
from dsl.rules.run.lifecycle import may_follow
from dsl.rules.trust.admission import instance_id
from dsl.rules.trust.violations import Violation
from dsl.values.canonical import canonical
from integrations.agents.processes.roster import Roster
from integrations.agents.runner import AgentRunner
from integrations.artifacts.store import Artifacts
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Lease, Leases
from integrations.dragonfly.states import States
from integrations.dragonfly.watcher import RevocationWatcher
from integrations.errors import DeniedError
from integrations.settings import Settings
from integrations.vault.credentials.control_group_requests import GateRequests
from integrations.vault.credentials.issuer import CredentialIssuer
from integrations.vault.identity.registry import Registry

ANSWER_FRESH: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class HighTier:
    """What only the worker of T3 and T4 has."""

    warrants: Warrants
    requests: GateRequests


@dataclass(frozen=True, slots=True)
class Tools:
    """The connections of a phase worker."""

    settings: Settings
    guards: AgentGuards
    leases: Leases
    states: States
    registry: Registry
    issuer: CredentialIssuer
    artifacts: Artifacts
    runner: AgentRunner
    high: HighTier | None = None  # None: phases up to T2
    watcher: RevocationWatcher | None = None  # None: leases beat in their own time
    roster: Roster = field(default_factory=Roster)


def instance_of(request: specs.PhaseRequest) -> str:
    """Return the name under which this run of the agent is known to Dragonfly."""
    info = activity.info()
    return instance_id(
        request.agent, info.workflow_id or "", info.workflow_run_id or "", request.step.path
    )


def holder_of(request: specs.PhaseRequest) -> str:
    """Return whose lock is taken: the identity's own where only one may run at a time."""
    return request.agent if request.step.concurrency == 1 else instance_of(request)


async def take_lease(tools: Tools, request: specs.PhaseRequest) -> Lease:
    """Seed the guard if that is due, and take the agent's lease for this attempt."""
    info = activity.info()
    known = GuardSeed(
        fence=request.authority.fence,
        epoch=request.authority.epoch,
        revoked=request.authority.revoked,
    )
    if request.seed and _is_fresh():  # (2)
        await tools.guards.seed(request.agent, known)
    begun_ms = int(info.started_time.timestamp() * 1000)
    return await tools.leases.acquire(  # (1)
        agent=request.agent,
        holder=holder_of(request),
        owner=f"{info.workflow_id}/{info.workflow_run_id}",
        # Temporal counts attempts from one again when an operator resets an activity.
        nonce=f"{info.activity_id}#{info.attempt}@{begun_ms}",
        begun_ms=begun_ms,
        authority=known,
        project=request.project,
    )


def refuse_queue(tools: Tools, request: specs.PhaseRequest) -> None:
    """Refuse a phase that belongs to another worker (5).

    Raises:
        DeniedError: it does.
    """
    tier = request.step.tier
    if (tier >= Tier.T3) != (tools.high is not None):
        queue = specs.QUEUE_T3 if tier >= Tier.T3 else specs.QUEUE
        raise DeniedError(
            f"a phase of {tier.name} runs on queue {queue}, and this worker serves "
            f"{activity.info().task_queue}"
        )


async def enter(tools: Tools, request: specs.PhaseRequest, phase: AgentPhase) -> Lease:
    """Take the lease, and let others see that the agent is in ``phase`` now.

    Raises:
        ViolationError: another phase has to come first (4).
    """
    refuse_queue(tools, request)
    await _refuse_order(tools, request, phase)
    lease = await take_lease(tools, request)
    await publish(tools, request, lease, phase, "running")
    return lease


async def _refuse_order(tools: Tools, request: specs.PhaseRequest, phase: AgentPhase) -> None:
    published = await tools.states.read(holder_of(request))
    last = published.get("phase", "")
    info = activity.info()
    ours = (info.workflow_id, info.workflow_run_id)  # after a reset another run, which begins anew
    is_ours = (published.get("run"), published.get("run_id")) == ours
    if not is_ours or last not in AGENT_PHASE_NAMES or last == phase:  # another try of it
        return
    if not may_follow(AgentPhase(last), phase):
        raise ViolationError(Violation.PHASE_ORDER, f"{phase} was asked for after {last}")


def _is_fresh() -> bool:
    info = activity.info()
    return info.attempt == 1 and info.started_time - info.scheduled_time < ANSWER_FRESH


async def publish(
    tools: Tools, request: specs.PhaseRequest, lease: Lease, phase: AgentPhase, status: str
) -> None:
    """Let others see where the agent stands."""
    info = activity.info()
    await tools.states.write(
        lease,
        op_id=f"{info.activity_id}",
        fields={
            "phase": phase.value,
            "status": status,
            "tier": request.step.tier.name,
            "run": info.workflow_id or "",
            "run_id": info.workflow_run_id or "",
        },
    )


def run_of(phase: AgentPhase) -> dict[str, str]:
    """Return whose run a credential is minted for, as Vault is to keep it with the token.

    It names no secret. Whoever finds the token later can ask whether that run is over.
    """
    info = activity.info()
    run, run_id = info.workflow_id or "", info.workflow_run_id or ""
    return {"phase": phase.value, "run": run, "run_id": run_id}


async def put_json(tools: Tools, phase: AgentPhase, name: str, value: Any) -> AgentOutput:
    """Store ``value`` as an output of ``phase`` (3)."""
    return await put_bytes(tools, phase, name, canonical(value).encode(), "application/json")


async def put_bytes(
    tools: Tools, phase: AgentPhase, name: str, data: bytes, media_type: str
) -> AgentOutput:
    """Store ``data`` as an output of ``phase`` (3)."""
    artifact = await asyncio.to_thread(tools.artifacts.put, data, media_type)
    return AgentOutput(
        name=name,
        phase=phase,
        output_type=PHASE_OUTPUT_TYPES[phase],
        digest=artifact.digest,
        size=artifact.size,
        media_type=media_type,
    )
