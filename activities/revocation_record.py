"""``ledger.revoke``: put on the ledger that an agent is revoked, and by whose word.

The ledger is the authority that an emptied Dragonfly is seeded from, so what stands here keeps an
agent out for good. The rules:

1. Only ``Revocation`` of that very agent asks, and its epoch is its own start, in the server's
   words.
2. A person's word takes a proof, about this agent and reason, good at the time it came. It is good
   for one revocation; asking again for the same one is answered the same.
3. Without a proof the engine's word is enough, and that is: an ``Agent`` run started this, says the
   server. Anybody can start ``Revocation`` by hand.
4. What is refused is recorded, without the proof itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from temporalio import activity

from activities import contracts
from activities import trust_contracts as trust
from activities.boundary import governed
from activities.engine import parent_of, started_ms
from activities.on_record import drafted, harmless, require_workflow, run_key, told
from activities.proving import PROOF_REFUSED, came_at
from activities.witness import Witness
from dsl.actions import AGENT_REVOKED, TRUST_REFUSED
from dsl.canonical import digest_of_bytes
from dsl.rules.grant import refuse_name
from dsl.rules.proof import REVOKE, ProofError, decode, reason_digest, refuse_time
from integrations.errors import DeniedError
from integrations.ledger.authority import NO_AGENT
from integrations.ledger.entries import Draft, entry_key
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.ledger import Ledger
from integrations.vault.voters import Voter, Voters

BY_PROOF: Final = "proof of a person"
BY_VIOLATION: Final = "violation"


class RevocationRecord:
    """Speaks for the one writer, as the identity of its queue."""

    def __init__(self, ledger: Ledger, voters: Voters) -> None:
        self._ledger = ledger
        self._witness = Witness(voters)

    @activity.defn(name=trust.record_revocation.name)
    @governed
    async def revoke(self, request: trust.RevokeRequest) -> trust.Braked:
        """Return where it is recorded, by whom, and what has to be rotated."""
        try:
            _refuse_question(request)  # (1)
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
        payload: dict[str, Any] = {"epoch": epoch, "reason": told(request.reason)}
        if request.proof:  # (2)
            voter, nonce = await self._hear(request)
            payload |= {"by": voter.name, "how": BY_PROOF, "entity": voter.entity}
            payload |= {"proof": request.proof}
            key = entry_key("proof", voter.entity, nonce)
        else:
            parent = await parent_of(activity.client(), *run)
            if parent is None or parent.type != contracts.AGENT_WORKFLOW:  # (3)
                raise DeniedError(
                    "this takes the proof of a person: no agent's run has started it for a "
                    "violation"
                )
            payload |= {"by": parent.workflow_id, "how": BY_VIOLATION}
            key = entry_key("revoked", request.agent, str(epoch))
        return drafted(key, AGENT_REVOKED, request.agent, payload)

    async def _hear(self, request: trust.RevokeRequest) -> tuple[Voter, str]:
        try:
            proof = decode(request.proof)
        except ProofError as error:
            raise DeniedError(str(error)) from None
        refusal = refuse_time(proof, came_at())
        if refusal is not None:
            raise DeniedError(refusal)
        about = {"agent": request.agent, "reason": reason_digest(request.reason)}
        voter = await self._witness.hear(request.proof, REVOKE, about, run_lasts_s=None)
        return voter, proof.nonce

    async def _record(self, draft: Draft) -> int:
        try:
            [receipt] = await self._ledger.append([draft])
        except IdempotencyMismatchError:
            before = await self._ledger.by_key(draft.key)
            same = before is not None and before.workflow_id == draft.workflow_id
            if before is None or not same or before.action != AGENT_REVOKED:
                raise DeniedError(
                    "the proof was used before: every proof is good for one time, make another"
                ) from None
            return before.seq  # (2)
        return receipt.seq

    async def _note_refusal(self, request: trust.RevokeRequest, why: str) -> None:
        info = activity.info()
        asked = {"purpose": REVOKE, "asked": harmless(request.agent), "why": why}
        if request.proof:  # (4)
            action = PROOF_REFUSED
            asked["proof"] = digest_of_bytes(request.proof.encode(errors="replace"))
        else:
            action = TRUST_REFUSED
            asked["kind"] = "revoke"
        draft = drafted(run_key(info.activity_id, "refused"), action, NO_AGENT, asked)
        with suppress(IdempotencyMismatchError):  # an earlier attempt had another reason
            await self._ledger.append([draft])


def _refuse_question(request: trust.RevokeRequest) -> None:
    """Refuse what another workflow asks than the one for it (1)."""
    no_agent = refuse_name(request.agent)
    if no_agent is not None:
        raise DeniedError(f"{harmless(request.agent)!r} is no agent: {no_agent}")
    require_workflow(trust.REVOCATION_WORKFLOW, trust.revocation_id(request.agent))
