"""``ledger.revoke``: put on the ledger that an agent is revoked, and by whose word.

The ledger is the authority that an emptied Dragonfly is seeded from, so what stands here keeps an
agent out for good. The rules:

1. Only ``Revocation`` of that very agent asks, and its epoch is its own start, in the server's
   words.
2. By whose word is for ``activities.revocation.revokers`` to say. A proof is good for one
   revocation; asking again for the same one is answered the same.
3. Without a proof it is the engine's word, for a violation.
4. What is refused is recorded, without the proof itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.ledger.facts import drafted, harmless, run_key, told
from activities.proofs.verifier import USED_BEFORE
from activities.revocation.revokers import Revokers, require_revocation
from activities.runtime.boundary import governed
from activities.runtime.engine import started_ms
from dsl.actions import AGENT_REVOKED, PROOF_REFUSED, TRUST_REFUSED
from dsl.rules.proofs.proof import REVOKE
from dsl.values.canonical import digest_of_bytes
from integrations.errors import DeniedError
from integrations.ledger.entries import Draft, entry_key
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.events.reading import NO_AGENT
from integrations.ledger.ledger import Ledger
from integrations.vault.signing.voters import Voters

BY_PROOF: Final = "proof of a person"
BY_VIOLATION: Final = "violation"


class RevocationRecord:
    """Speaks for the one writer, as the identity of its queue."""

    def __init__(self, ledger: Ledger, voters: Voters) -> None:
        self._ledger = ledger
        self._revokers = Revokers(voters)

    @activity.defn(name=trust.record_revocation.name)
    @governed
    async def revoke(self, request: trust.RevokeRequest) -> trust.Braked:
        """Return where it is recorded, by whom, and what has to be rotated."""
        try:
            require_revocation(request.agent)  # (1) only its own workflow asks
            draft = await self._drafted(request)
            entry = await self._record(draft)
        except DeniedError as error:
            await self._note_refusal(request, str(error))
            raise
        card = self._ledger.card(request.agent)
        left_out = card.secrets_left_out
        more = (f"and {left_out} more: see agent.intended on the ledger",) if left_out else ()
        return trust.Braked(
            lines=(
                trust.ReceiptLine(
                    what="ledger: revocation recorded",
                    confirmed=True,
                    detail=f"entry {entry}",
                ),
            ),
            by=str(draft.payload["by"]),
            rotate=(*card.secrets, *more),
        )

    async def _drafted(self, request: trust.RevokeRequest) -> Draft:
        """Return what is to be recorded.

        Raises:
            DeniedError: nobody who may has said so.
            UnavailableError: Vault or the server does not answer.
        """
        info = activity.info()
        run = info.workflow_id or "", info.workflow_run_id or ""
        epoch = await started_ms(activity.client(), *run)
        revoker = await self._revokers.require(request)
        payload = {"epoch": epoch, "reason": told(request.reason), "by": revoker.name}
        if not revoker.proof_key:  # (3) the engine's word
            key = entry_key("revoked", request.agent, str(epoch))
            return drafted(key, AGENT_REVOKED, request.agent, {**payload, "how": BY_VIOLATION})
        payload |= {"how": BY_PROOF, "entity": revoker.entity, "proof": request.proof}
        return drafted(revoker.proof_key, AGENT_REVOKED, request.agent, payload)

    async def _record(self, draft: Draft) -> int:
        try:
            [receipt] = await self._ledger.append([draft])
        except IdempotencyMismatchError:
            before = await self._ledger.by_key(draft.key)
            same = before is not None and before.workflow_id == draft.workflow_id
            if before is None or not same or before.action != AGENT_REVOKED:
                raise DeniedError(USED_BEFORE) from None  # (2) good for one revocation
            return before.seq  # (2) asked again: the same answer
        return receipt.seq

    async def _note_refusal(self, request: trust.RevokeRequest, why: str) -> None:
        info = activity.info()
        asked = {"purpose": REVOKE, "asked": harmless(request.agent), "why": why}
        if request.proof:  # (4) without the proof itself
            action = PROOF_REFUSED
            asked["proof"] = digest_of_bytes(request.proof.encode(errors="replace"))
        else:
            action = TRUST_REFUSED
            asked["kind"] = "revoke"
        draft = drafted(run_key(info.activity_id, "refused"), action, NO_AGENT, asked)
        with suppress(IdempotencyMismatchError):  # an earlier attempt had another reason
            await self._ledger.append([draft])
