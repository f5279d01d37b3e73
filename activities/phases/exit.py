"""EXIT, and REVOKED in its place: let go of everything, whatever happened before.

1. What is not there any more is released already: a cold store or a lost lease is no failure.
2. What cannot be released is named; the lease's time to live ends it.
3. A revoked agent has no lease to take, so REVOKED only confirms that none is held.
"""

from __future__ import annotations

from temporalio import activity

from activities import contracts
from activities.boundary import governed
from activities.phases.tools import Tools, publish, take_lease
from dsl.core import AgentPhase
from integrations.dragonfly.errors import LeaseLostError
from integrations.errors import ColdError, ConflictError, RevokedError


class Exit:
    """Lets go."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn(name=contracts.PHASES[AgentPhase.EXIT].name)
    @governed
    async def exit(self, request: contracts.PhaseRequest) -> contracts.PhaseResult:
        """Publish the last state and give the lease back."""
        try:
            lease = await take_lease(self._tools, request)
            await publish(self._tools, request, lease, AgentPhase.EXIT, request.status)
            await self._tools.leases.release(lease)
        except (ColdError, LeaseLostError, RevokedError):  # (1)
            return contracts.PhaseResult()
        except ConflictError as error:  # (2)
            return contracts.PhaseResult(unreleased=(str(error),))
        return contracts.PhaseResult(fence=lease.fence)

    @activity.defn(name=contracts.PHASES[AgentPhase.REVOKED].name)
    @governed
    async def revoked(self, request: contracts.PhaseRequest) -> contracts.PhaseResult:
        """Confirm that the agent holds nothing (3)."""
        try:
            lease = await take_lease(self._tools, request)
        except (ColdError, RevokedError, ConflictError):
            return contracts.PhaseResult()
        await self._tools.leases.release(lease)
        return contracts.PhaseResult(fence=lease.fence)
