"""``revoke.identity`` and ``revoke.guard``: two brakes on an agent, each of which sees who may.

Run as the revoker, who can disable and can not enable. The rules:

1. By whose word is found out each time, see ``activities.revocation.revokers``: neither the
   workflow's word is taken for it, nor the other brake's.
2. The epoch is the start of the asking run, in the server's words: doing it again is harmless.
3. What was done is read back, and only that is confirmed. What is not so yet is tried again.
4. An agent that Vault does not know is not revoked: nothing is made for it. The engine's word is
   about an agent that has just run; for it Dragonfly is told without asking Vault.
"""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.revocation.revokers import Revokers
from activities.runtime.boundary import governed
from activities.runtime.engine import started_ms
from dsl.core import Tier
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.revocations import Revocations
from integrations.errors import CorruptError, NotFoundError, UnavailableError
from integrations.vault.client import Vault
from integrations.vault.identity.brake import Brake
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.signing.asked_once import VotersAskedOnce


class BrakeActivities:
    """Speaks as the revoker; runs on the trust queue only."""

    def __init__(
        self, vault: Vault, revoker: Login, guards: AgentGuards, revocations: Revocations
    ) -> None:
        self._brake = Brake(vault, revoker)
        self._registry = Registry(vault, revoker)
        self._revokers = Revokers(VotersAskedOnce(vault, revoker))
        self._guards = guards
        self._revocations = revocations

    @activity.defn(name=trust.revoke_identity.name)
    @governed
    async def identity(self, request: trust.RevokeRequest) -> trust.Braked:
        """Disable the agent in Vault and end its tokens."""
        # Side by side: until it is disabled, every call here is time for whoever holds a token.
        revoker, is_known = await asyncio.gather(
            self._revokers.require(request),  # (1) found out each time
            self._is_known(request.agent),
        )
        if not is_known:
            raise _unknown(request.agent)  # (4) nothing is made for it
        await self._brake.disable_known(request.agent)
        await self._brake.end_tokens(request.agent)
        left = await self._brake.tokens_left(request.agent)
        if left:  # (3) a mint that was under way; it opens nothing
            raise UnavailableError(f"the identity is disabled, {left} of its tokens have not ended")
        lines = (
            trust.ReceiptLine(what="vault: identity disabled", confirmed=True),
            trust.ReceiptLine(what="vault: no token left", confirmed=True),
        )
        return trust.Braked(lines=lines, by=revoker.name, high=await self._is_high(request.agent))

    @activity.defn(name=trust.revoke_guard.name)
    @governed
    async def guard(self, request: trust.RevokeRequest) -> trust.Braked:
        """Let Dragonfly refuse the agent, and let everybody know."""
        revoker = await self._revokers.require(request)  # (1) found out each time
        if request.proof and not await self._is_known(request.agent):
            raise _unknown(request.agent)  # (4) nothing is made for it
        info = activity.info()
        epoch = await started_ms(  # (2) its start, in the server's words
            activity.client(), info.workflow_id or "", info.workflow_run_id or ""
        )
        await self._revocations.revoke(request.agent, epoch, request.reason)
        guard = await self._guards.read(request.agent)
        # (3) only what was read back
        if guard is None or await self._revocations.is_locked(request.agent):
            raise UnavailableError("dragonfly was emptied meanwhile, or the lock is still there")
        says_so = trust.ReceiptLine(
            what="dragonfly: guard says revoked",
            confirmed=guard.revoked,
            detail="" if guard.revoked else f"a later epoch, {guard.epoch}, has lifted it",
        )
        no_lock = trust.ReceiptLine(what="dragonfly: no lock", confirmed=True)
        return trust.Braked(lines=(says_so, no_lock), by=revoker.name)

    async def _is_known(self, agent: str) -> bool:
        try:
            await self._brake.is_disabled(agent)
        except NotFoundError:
            return False
        return True

    async def _is_high(self, agent: str) -> bool:
        try:
            return (await self._registry.read(agent)).tier >= Tier.T3
        except CorruptError:  # no reason not to stop it; then it may be anywhere
            return True


def _unknown(agent: str) -> NotFoundError:
    return NotFoundError(f"unknown agent {agent!r}: vault has never seen it, nothing was changed")
