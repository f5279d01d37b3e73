"""``trust.inspect``, ``.promote``, ``.rebind``, ``.reinstate``, ``.lift``: what a grant lets be.

They take no workflow's word. The rules:

1. A grant is read, its time and its kind are looked at, its signature is checked with the
   ledger's key: all of it here, each time, as the identity that then acts.
2. What it grants is what is done: agent, entity, tiers and place come from nowhere else. What an
   agent is bound to comes beside the grant, which names it by digest.
3. Nobody comes back while a revocation of theirs is under way, or after a later one. The ledger
   may not know of it yet; the server does, under whatever id, and Dragonfly where the server's list
   lags behind. They are asked again when the agent is enabled: a revocation that began meanwhile
   had disabled whom we then let back, so we disable again.
4. Dragonfly orders by epoch, so an old grant lifts nothing that came after it. Its time does not
   matter there: Vault may have enabled the agent long before Dragonfly is back.
5. Dragonfly without a guard of the agent has nothing to lift: the next run asks the ledger.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.revocation.revocations_under_way import revocation_since
from activities.runtime.boundary import governed
from dsl.rules.trust.admission import Binding
from dsl.rules.trust.grant import PROMOTE, REBIND, REINSTATE, Grant, GrantError, decode, refuse
from dsl.rules.trust.rebinding import binding_digest
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.revocations import Revocations
from integrations.errors import ColdError, DeniedError, NotFoundError, UnavailableError
from integrations.vault.client import Vault
from integrations.vault.identity.brake import Brake, Release
from integrations.vault.identity.registry import Registry
from integrations.vault.identity.standing import Change
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login
from integrations.vault.naming import entity_name
from integrations.vault.signing.head_signer import HeadVerifier

GUARD: Final = "dragonfly guard"  # name of a line


class TierChangeActivities:
    """Acts as the promoter and the reinstater, reads as the registrar, undoes as the revoker."""

    def __init__(
        self,
        vault: Vault,
        *,
        registrar: Login,
        promoter: Login,
        reinstater: Login,
        revoker: Login,
        guards: AgentGuards,
        revocations: Revocations,
    ) -> None:
        self._registry = Registry(vault, registrar)
        self._changes = TierChanges(vault, promoter)
        self._release = Release(vault, reinstater)
        self._brake = Brake(vault, revoker)
        self._of_promoter = HeadVerifier(vault, promoter)
        self._of_reinstater = HeadVerifier(vault, reinstater)
        self._guards = guards
        self._revocations = revocations

    @activity.defn(name=trust.inspect.name)
    @governed
    async def inspect(self, request: trust.AgentName) -> trust.AgentStanding:
        """Return the agent as Vault holds it now; one that cannot be is not known."""
        try:
            entity_name(request.agent)
        except DeniedError:
            return trust.AgentStanding(known=False)
        try:
            known = await self._registry.read(request.agent)
        except NotFoundError:
            return trust.AgentStanding(known=False)
        return trust.AgentStanding(
            known=True, entity=known.entity_id, tier=known.tier, disabled=known.disabled
        )

    @activity.defn(name=trust.promote.name)
    @governed
    async def promote(self, request: trust.ApplyGrant) -> trust.TierChanged:
        """Raise the agent of the grant by one tier; harmless when repeated."""
        grant = await _verified(request.grant, PROMOTE, self._of_promoter, time.time())
        change = await self._changes.promote(
            grant.agent, grant.entity, grant.was, grant.now, grant.entry
        )
        return _changed(grant, change)

    @activity.defn(name=trust.rebind.name)
    @governed
    async def rebind(self, request: trust.ApplyRebinding) -> trust.TierChanged:
        """Bind the agent of the grant to something else; harmless when repeated."""
        grant = await _verified(request.grant, REBIND, self._of_promoter, time.time())
        binding = request.binding.model_dump()
        if binding_digest(Binding(**binding)) != grant.binding:  # (2) the grant names it by digest
            raise DeniedError("the grant is for another binding than the one that came with it")
        return _changed(grant, await self._changes.rebind(grant, binding))

    @activity.defn(name=trust.reinstate.name)
    @governed
    async def reinstate(self, request: trust.ApplyGrant) -> trust.TierChanged:
        """Let the agent of the grant come back at T0, without a token; harmless when repeated."""
        grant = await _verified(request.grant, REINSTATE, self._of_reinstater, time.time())
        await self._refuse_revoked_since(grant)
        await self._release.end_tokens(grant.agent)
        change = await self._release.enable(grant.agent, grant.entity, grant.entry)
        await self._refuse_revoked_since(grant)
        return _changed(grant, change)

    @activity.defn(name=trust.lift_guard.name)
    @governed
    async def lift(self, request: trust.LiftRequest) -> trust.Braked:
        """Lift the guard of the agent under the epoch of the grant, and read it back (4) (5)."""
        grant = await _verified(request.grant, REINSTATE, self._of_reinstater, None)
        try:
            await self._revocations.lift(
                grant.agent, grant.epoch, f"reinstated by grant {grant.entry}"
            )
        except ColdError:  # (5) nothing to lift
            return _line("there is none, and nothing to lift", confirmed=True)
        guard = await self._guards.read(grant.agent)
        if guard is None:
            return _line("there is none any more, and nothing to lift", confirmed=True)
        if guard.revoked:
            return _line(f"revoked under the later epoch {guard.epoch}", confirmed=False)
        return _line(f"lifted under epoch {guard.epoch}", confirmed=True)

    async def _refuse_revoked_since(self, grant: Grant) -> None:
        """Refuse for good who is being revoked, or was after the grant; disable them (3).

        Raises:
            DeniedError: so it is.
            UnavailableError: the server or Vault does not answer.
        """
        refusal = await _revoked_since(grant) or await self._guarded_since(grant)
        if refusal is not None:
            # Also where we have enabled nobody: an earlier attempt of ours may have.
            await self._brake.disable(grant.agent)
            raise DeniedError(refusal)

    async def _guarded_since(self, grant: Grant) -> str | None:
        """Say that Dragonfly knows a later revocation; None: it does not, or is away (3)."""
        with suppress(UnavailableError):  # it is a brake beside, and the server has been asked
            guard = await self._guards.read(grant.agent)
            if guard is not None and guard.revoked and guard.epoch > grant.epoch:
                return _again(grant)
        return None


async def _verified(word: str, kind: str, verifier: HeadVerifier, now_s: float | None) -> Grant:
    """Return the grant in ``word`` (1); ``now_s`` is None where its time does not matter (4).

    Raises:
        DeniedError: there is none, or it is not good for an act of ``kind``.
    """
    try:
        grant, signature = decode(word)
    except GrantError as error:
        raise DeniedError(str(error)) from None
    refusal = refuse(grant, kind=kind, now_s=grant.expires if now_s is None else now_s)
    if refusal is not None:
        raise DeniedError(refusal)
    if not await verifier.verify(grant.message(), signature):
        raise DeniedError("the grant is not signed with the ledger's key")
    return grant


async def _revoked_since(grant: Grant) -> str | None:
    """Say that the agent is being revoked, or was after the grant; None when it is not (3).

    Raises:
        UnavailableError: the server does not answer.
    """
    found = await revocation_since(activity.client(), grant.agent, grant.epoch)
    if found is None:
        return None
    if found.is_under_way:
        return (
            f"a revocation of agent {grant.agent!r} is under way: wait for the receipt of "
            f"{found.workflow!r}"
        )
    return _again(grant)


def _again(grant: Grant) -> str:
    return f"agent {grant.agent!r} was revoked again after the grant was given"


def _changed(grant: Grant, change: Change) -> trust.TierChanged:
    return trust.TierChanged(
        agent=grant.agent, was=change.was, now=change.now, changed=change.changed
    )


def _line(detail: str, *, confirmed: bool) -> trust.Braked:
    return trust.Braked(lines=(trust.ReceiptLine(what=GUARD, confirmed=confirmed, detail=detail),))
