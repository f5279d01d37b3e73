"""Who revokes an agent? For every brake that disables something.

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
from activities.proofs.verifier import ProofVerifier, good_when_it_came
from activities.runtime.engine import parent_of
from dsl.rules.proofs.proof import REVOKE, reason_digest
from dsl.rules.run.reserved import is_revocation_of, revocation_id
from dsl.values.agent_ids import refuse_agent_identity
from integrations.errors import DeniedError
from integrations.vault.signing.voters import Voters


@dataclass(frozen=True, slots=True)
class Revoker:
    """Who says so: a person by name, or the agent's run that was seen in a violation."""

    name: str
    entity: str = ""  # of the person
    proof_key: str = ""  # under which the ledger takes the proof, once


class Revokers:
    """Looks at proofs with the login of one worker."""

    def __init__(self, voters: Voters) -> None:
        self._verifier = ProofVerifier(voters)

    async def require(self, request: trust.RevokeRequest) -> Revoker:
        """Return by whose word the asking run goes.

        Raises:
            DeniedError: nobody who may has said so (4).
            UnavailableError: Vault or the server does not answer.
        """
        require_revocation(request.agent)
        try:
            return await (self._person(request) if request.proof else self._engine())
        except DeniedError as error:
            raise DeniedError(f"{trust.NOT_PROVEN}{error}") from None

    async def _person(self, request: trust.RevokeRequest) -> Revoker:
        about = {"agent": request.agent, "reason": reason_digest(request.reason)}
        verified = await self._verifier.verify(  # (2) it was good when it came
            request.proof, REVOKE, about, of_time=good_when_it_came
        )
        return Revoker(verified.person.name, verified.person.entity, verified.key)

    async def _engine(self) -> Revoker:  # (3) an Agent run started this
        info, client = activity.info(), activity.client()
        parent = await parent_of(client, info.workflow_id or "", info.workflow_run_id or "")
        if parent is not None and parent.type == specs.AGENT_WORKFLOW:
            return Revoker(parent.workflow_id)
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
