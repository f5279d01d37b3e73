"""EXIT, and REVOKED in its place: let go of everything, whatever happened before.

1. What is not there any more is released already: a cold store or a lost lease is no failure.
2. What cannot be released is named; the lease's time to live ends it.
3. A revoked agent has no lease to take: then REVOKED only confirms that none is held. Where the run
   alone was stopped, it publishes the last state and gives the lease back.
4. What was asked for in Vault for a T3 or T4 stage is taken back. The place is told by the server:
   this execution's own id, and the run that started it. A failure keeps nothing else from being
   released.
5. A credential of the run that Vault has not ended yet is waited for, ``CREDENTIALS_S`` at most;
   what is left then is named, and ended later: see ``integrations.vault.credentials.ending``.
6. What tries have said, left and erred that did not deliver is told here: nobody else lives to
   tell it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from temporalio import activity

from activities.contracts import messages, specs
from activities.phases.equipment import Equipment, enter
from activities.phases.tries.keeping import left_of
from activities.runtime.boundary import governed
from activities.runtime.engine import parent_of
from dsl.core import AgentPhase
from integrations.dragonfly.errors import LeaseLostError
from integrations.errors import ColdError, ConflictError, IntegrationError, RevokedError

CREDENTIALS_S: Final = 2.0


class Exit:
    """Lets go."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[AgentPhase.EXIT].name)
    @governed
    async def exit(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Publish the last state, take requests back and give the lease back."""
        left, result = await asyncio.gather(self._let_go(), self._release(request))
        return self._told(request, result, (*result.unreleased, *left))

    @activity.defn(name=specs.PHASES[AgentPhase.REVOKED].name)
    @governed
    async def revoked(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Confirm that the agent holds nothing (3)."""
        left, result = await asyncio.gather(self._let_go(), self._confirm(request))
        return self._told(request, result, left)

    def _told(
        self,
        request: messages.PhaseRequest,
        result: messages.PhaseResult,
        unreleased: tuple[str, ...],
    ) -> messages.PhaseResult:
        """Add what tries have left that did not deliver (6)."""
        earlier = left_of(self._equipment, request.prior)
        return result.model_copy(
            update={
                "unreleased": unreleased,
                "outputs": earlier.outputs,
                "last_step": earlier.step,
                "erred": earlier.erred,
            }
        )

    async def _release(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        try:
            lease = await enter(self._equipment, request, AgentPhase.EXIT, status=request.status)
            await self._equipment.leases.release(lease)
        except (ColdError, LeaseLostError, RevokedError):  # (1) not there: released already
            return messages.PhaseResult()
        except ConflictError as error:  # (2) its time to live ends it
            return messages.PhaseResult(unreleased=(str(error),))
        return messages.PhaseResult(fence=lease.fence)

    async def _confirm(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        try:
            lease = await enter(self._equipment, request, AgentPhase.REVOKED, status=request.status)
            await self._equipment.leases.release(lease)
        except (ColdError, LeaseLostError, RevokedError, ConflictError):
            return messages.PhaseResult()
        return messages.PhaseResult(fence=lease.fence)

    async def _let_go(self) -> tuple[str, ...]:
        """Let go of what Vault has given; return what could not be (4) (5)."""
        run = activity.info().workflow_run_id or ""
        withdrawn = await self._withdraw()
        alive = await self._equipment.ends.left_of(run, CREDENTIALS_S)
        return (*withdrawn, *(f"credential {each} in vault" for each in alive))

    async def _withdraw(self) -> tuple[str, ...]:
        """Take back what was asked for in Vault; return what could not be (4)."""
        if self._equipment.high is None:
            return ()
        info = activity.info()
        workflow_id = info.workflow_id or ""
        try:
            parent = await parent_of(activity.client(), workflow_id, info.workflow_run_id or "")
            if parent is not None and workflow_id.startswith(f"{parent.workflow_id}/"):
                stage = workflow_id.removeprefix(f"{parent.workflow_id}/")
                await self._equipment.high.requests.withdraw(parent.run_id, stage)
        except IntegrationError as error:
            return (f"requests in vault ({error})",)
        return ()
