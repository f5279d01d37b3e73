"""The lease under which somebody else's activity or workflow does an agent's work.

Its worker is not ours: no program of this machine is started, ended or watched. The rules:

1. Before it is begun the agent is looked at as before a program starts: the template is what was
   admitted, and says this runtime; the agent is not revoked, and in order. So its fence is told.
2. While it works, the lease is held here: renewed, and at once on word of a revocation. When it
   cannot be proved any more, this activity ends, and the workflow tells the work to stop.
3. That ends it for good: to do the work again is a try, and only ``retry:`` says that there is one.
   The death of this worker alone is nobody's failure: the next attempt takes the lease anew, while
   the work goes on.
4. Above T2 nothing is delegated, whatever a request says.
5. An open circuit holds the work back before it is begun, as it does a program's: see
   ``activities.health.behind_circuits``.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from temporalio import activity

from activities.contracts import delegation_specs, messages
from activities.health.behind_circuits import let_through
from activities.phases.admission import require_program
from activities.phases.equipment import Equipment, enter
from activities.phases.heartbeat import pulsing
from activities.runtime.boundary import governed
from activities.runtime.effect import OutcomeLostError
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.holding import Holding
from integrations.dragonfly.leases import Lease
from integrations.errors import ColdError, ConflictError, DeniedError, UnavailableError


class Delegating:
    """Takes the lease for the work, and holds it meanwhile."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=delegation_specs.begin.name)
    @governed
    async def begin(self, asked: delegation_specs.DelegationRequest) -> messages.PhaseResult:
        """Take the lease before the work is begun (1)."""
        async with let_through(
            self._equipment, asked.request, asked.phase
        ):  # (5) before it is begun
            await _require_admitted(self._equipment, asked.request)
            lease = await enter(self._equipment, asked.request, asked.phase)
        return messages.PhaseResult(fence=lease.fence)

    @activity.defn(name=delegation_specs.hold.name)
    @governed
    async def hold(self, asked: delegation_specs.DelegationRequest) -> messages.PhaseResult:
        """Hold the lease until told that the work is over (2)."""
        try:
            lease = await enter(self._equipment, asked.request, asked.phase)
            await self._hold(asked.request.agent, lease)
        except (ColdError, ConflictError, LeaseLostError, UnavailableError) as error:
            raise OutcomeLostError(  # (3) only `retry:` has it done again
                f"its lease cannot be proved any more, so it was told to stop: {error}"
            ) from None
        return messages.PhaseResult(fence=lease.fence)

    async def _hold(self, agent: str, lease: Lease) -> None:
        holding = Holding(self._equipment.leases, lease, release=False)
        async with AsyncExitStack() as stack:
            if (
                self._equipment.watcher is not None
            ):  # before the lease is asked for: nothing is missed
                stack.enter_context(self._equipment.watcher.watching(agent, holding.hurry))
            await stack.enter_async_context(holding)
            await stack.enter_async_context(pulsing())
            await asyncio.Event().wait()


async def _require_admitted(equipment: Equipment, request: messages.PhaseRequest) -> None:
    """Refuse what BOOTSTRAP has not admitted (1) (4).

    Raises:
        DeniedError: it is something else, or a process of ours.
    """
    found = await require_program(equipment, request.step)
    if request.step.runtime is None or equipment.high is not None:
        raise DeniedError(
            f"stage {request.step.path!r} is not somebody else's to do at {request.step.tier.name}"
        )
    if request.program and found.digest != request.program:
        raise DeniedError(
            f"template {request.step.template!r} is {found.digest}, and {request.program} was "
            "admitted: it was changed while the run was under way; start the run again"
        )
