"""By whose word is an agent revoked? For every brake that disables something.

1. Only ``Revocation`` of that very agent asks.
2. A person's word takes a proof, about this agent and reason, that was good when it came: it does
   not age while a store is away.
3. Without a proof the engine's word is enough, and that is: an ``Agent`` run started this, says the
   server. Anybody can start ``Revocation`` by hand.
4. What is refused is refused in words that begin with ``NOT_PROVEN``.
"""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.contracts import specs
from activities.contracts import trust_specs as trust
from activities.ledger.facts import harmless, require_workflow
from activities.proofs.proving import came_at
from activities.proofs.verifier import Witness
from activities.runtime.engine import parent_of
from dsl.rules.proofs.proof import REVOKE, ProofError, decode, reason_digest, refuse_time
from dsl.rules.run.reserved import is_revocation_of, revocation_id
from dsl.values.agent_ids import refuse_agent_identity
from integrations.errors import DeniedError
from integrations.vault.signing.voters import Voters


@dataclass(frozen=True, slots=True)
class Word:
    """Whose word it is: a person's name, or the agent's run that was seen in a violation."""

    by: str
    entity: str = ""  # of the person
    nonce: str = ""  # of the proof


class Revokers:
    """Looks at proofs with the login of one worker."""

    def __init__(self, voters: Voters) -> None:
        self._witness = Witness(voters)

    async def hear(self, request: trust.RevokeRequest) -> Word:
        """Return whose word the asking run goes by.

        Raises:
            DeniedError: nobody who may has said so (4).
            UnavailableError: Vault or the server does not answer.
        """
        require_revocation(request.agent)
        try:
            return await (self._person(request) if request.proof else self._engine())
        except DeniedError as error:
            raise DeniedError(f"{trust.NOT_PROVEN}{error}") from None

    async def _person(self, request: trust.RevokeRequest) -> Word:  # (2)
        try:
            proof = decode(request.proof)
        except ProofError as error:
            raise DeniedError(str(error)) from None
        refusal = refuse_time(proof, came_at())
        if refusal is not None:
            raise DeniedError(refusal)
        about = {"agent": request.agent, "reason": reason_digest(request.reason)}
        voter = await self._witness.hear(request.proof, REVOKE, about, run_lasts_s=None)
        return Word(voter.name, voter.entity, proof.nonce)

    async def _engine(self) -> Word:  # (3)
        info, client = activity.info(), activity.client()
        parent = await parent_of(client, info.workflow_id or "", info.workflow_run_id or "")
        if parent is not None and parent.type == specs.AGENT_WORKFLOW:
            return Word(parent.workflow_id)
        raise DeniedError(
            "this takes the proof of a person, and none came with it: use "
            "mandate revoke ID --reason TEXT"
        )


def require_revocation(agent: str) -> None:
    """Refuse what another workflow asks than the one for it (1).

    Raises:
        DeniedError: it is not that workflow, or no agent's name.
    """
    no_agent = refuse_agent_identity(agent)
    if no_agent is not None:
        raise DeniedError(f"{harmless(agent)!r} is no agent: {no_agent}")
    asking = activity.info().workflow_id or ""
    expected = asking if is_revocation_of(agent, asking) else revocation_id(agent)
    require_workflow(trust.REVOCATION_WORKFLOW, expected)
