"""``ledger.rebind``: somebody has vouched for it, so may the agent be bound to something else?

A workflow asks, and is believed nothing: whoever may write to the namespace can forge one.

1. The workflow is the one that may ask about this agent: there is one at a time.
2. Who vouches stands on the ledger: this run has shown a proof to ``ledger.prove``, about exactly
   this agent, what it becomes bound to, and the reason.
3. What the agent is bound to, what it holds, and whether it is revoked is what the ledger says.
4. What trust survives is for ``dsl.rules.trust.rebinding``. The grant is on the ledger before it is
   signed; asked again, the same one is signed again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from temporalio import activity

from activities.contracts import messages
from activities.contracts import trust_specs as trust
from activities.ledger.facts import drafted, harmless, require_workflow, run_key, told
from activities.runtime.boundary import governed
from activities.trust.signed_grants import signed
from dsl.actions import REBIND_PROVEN, TRUST_GRANTED, TRUST_REFUSED
from dsl.core import Tier
from dsl.rules.proofs.proof import reason_digest
from dsl.rules.run.reserved import rebinding_id
from dsl.rules.trust.admission import Binding
from dsl.rules.trust.grant import REBIND
from dsl.rules.trust.rebinding import binding_digest, refuse, tier_after
from dsl.values.agent_ids import refuse_agent_identity
from integrations.errors import DeniedError
from integrations.ledger.entries import Entry
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.events.reading import NO_AGENT
from integrations.ledger.ledger import Ledger
from integrations.vault.signing.head_signer import HeadSigner


class RebindingActivities:
    """Speaks for the one writer, and signs in the ledger's name."""

    def __init__(self, ledger: Ledger, signer: HeadSigner, initial: Tier) -> None:
        self._ledger = ledger
        self._signer = signer
        self._initial = initial  # what a new agent of this installation is given

    @activity.defn(name=trust.grant_rebinding.name)
    @governed
    async def rebind(self, request: trust.RebindRequest) -> trust.Granted:
        """Return the signed statement, or why there is none."""
        try:
            return await signed(await self._granted(request), self._signer)
        except DeniedError as error:
            return await self._refuse(request, str(error))

    async def _granted(self, request: trust.RebindRequest) -> Entry:
        """Return the grant, recorded now or by an earlier attempt (4).

        Raises:
            DeniedError: there is none to be given.
        """
        no_agent = refuse_agent_identity(request.agent)
        if no_agent is not None:
            raise DeniedError(f"{harmless(request.agent)!r} is no agent: {no_agent}")
        # (1) one at a time for an agent
        require_workflow(trust.REBINDING_WORKFLOW, rebinding_id(request.agent))
        key = run_key(TRUST_GRANTED)
        binding = binding_digest(_asked(request))
        before = await self._ledger.by_key(key)
        if before is None:
            payload = {**await self._decided(request), "binding": binding}
            with suppress(IdempotencyMismatchError):  # another attempt was faster: its word stands
                await self._ledger.append([drafted(key, TRUST_GRANTED, request.agent, payload)])
            before = await self._ledger.by_key(key)
        if before is None:
            raise DeniedError("the ledger does not read back what was granted: verify it")
        if (before.agent, before.payload.get("binding")) != (request.agent, binding):
            raise DeniedError("this run was granted something else already: start another")
        return before

    async def _decided(self, request: trust.RebindRequest) -> dict[str, Any]:
        by = await self._vouched_by(request)  # (2) as it stands on the ledger
        card = self._ledger.card(request.agent)
        authority = self._ledger.authority(request.agent)  # (3) what the ledger says
        objection = refuse(
            request.agent, authority.binding, _asked(request), revoked=authority.revoked
        )
        if objection is not None:
            raise DeniedError(objection)
        return {
            "kind": REBIND,
            "was": card.tier.name,
            "now": tier_after(card.tier, self._initial).name,
            "entity": card.entity,
            "granted": int(time.time() * 1000),
            "epoch": 0,
            "by": by,
            "reason": told(request.reason),
            **request.binding.model_dump(),
        }

    async def _vouched_by(self, request: trust.RebindRequest) -> str:
        info = activity.info()
        proven = await self._ledger.by_place(request.proven)
        about = {
            "agent": request.agent,
            **request.binding.model_dump(),
            "reason": reason_digest(request.reason),
        }
        if proven is None or proven.action != REBIND_PROVEN:
            raise DeniedError("nobody has vouched for it: no proof stands at the place named")
        if (proven.workflow_id, proven.run_id) != (info.workflow_id, info.workflow_run_id):
            raise DeniedError("the proof at the place named was shown by another run")
        if proven.payload["about"] != about:
            raise DeniedError("the proof that this run has shown is about something else")
        return str(proven.payload["name"])

    async def _refuse(self, request: trust.RebindRequest, why: str) -> trust.Granted:
        agent = NO_AGENT if refuse_agent_identity(request.agent) else request.agent
        payload = {"kind": REBIND, "asked": harmless(request.agent), "why": told(why)}
        key = run_key(TRUST_REFUSED, activity.info().activity_id)
        entry = -1
        with suppress(IdempotencyMismatchError):  # an earlier attempt had another reason
            [receipt] = await self._ledger.append([drafted(key, TRUST_REFUSED, agent, payload)])
            entry = receipt.seq
        return trust.Granted(refusal=told(why), entry=entry)


def _asked(request: trust.RebindRequest) -> Binding:
    binding: messages.Binding = request.binding
    return Binding(**binding.model_dump())
