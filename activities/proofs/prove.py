"""``ledger.prove``: whose proof is this? Recorded where it is found out, once.

Runs where the ledger is written: whoever records that somebody has proven something has seen it
himself. An entry ``vote.proven`` that no such check stands behind cannot be made.

1. Workflow and run are taken from the activity's own context, never from the request.
2. The proof is verified as ``activities.proofs.verifier`` says, and was good when it came.
3. It is recorded under its nonce; the same nonce elsewhere, or with other content, is refused.
4. Where the server has recorded who sent the message, that principal must be the person.
5. What is refused is recorded with the digest of what was sent, never with the thing itself.
6. Plans, and what an agent is bound to, are vouched for by members of one group
   (``MANDATE_AUTHORS``): whoever registers a plan decides which gates stand before its stages.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from temporalio import activity

from activities.contracts import messages, specs
from activities.ledger.facts import drafted, run_key
from activities.proofs.verifier import (
    USED_BEFORE,
    ProofRefusedError,
    ProofVerifier,
    Verified,
    good_when_it_came,
)
from activities.runtime.boundary import governed
from activities.runtime.principal import senders_of
from dsl.actions import (
    CIRCUIT_PROVEN,
    PROOF_REFUSED,
    REBIND_PROVEN,
    REVIEW_PROVEN,
    START_PROVEN,
    VOTE_PROVEN,
    VOTE_VOUCHED,
)
from dsl.rules.proofs.proof import (
    CIRCUIT,
    MATTERS,
    PLAN,
    REBIND,
    REVIEW,
    START,
    VOTE,
    VOUCHED,
)
from dsl.values.canonical import digest_of_bytes
from integrations.doors.key import DoorKey
from integrations.errors import DeniedError
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.events.reading import NO_AGENT, PLAN_REGISTERED
from integrations.ledger.ledger import Ledger
from integrations.vault.signing.voters import Voter, Voters

_ACTIONS: Final = {
    VOTE: VOTE_PROVEN,
    VOUCHED: VOTE_VOUCHED,
    START: START_PROVEN,
    PLAN: PLAN_REGISTERED,
    REBIND: REBIND_PROVEN,
    CIRCUIT: CIRCUIT_PROVEN,
    REVIEW: REVIEW_PROVEN,
}
_OF_AUTHORS: Final = {PLAN: "plans", REBIND: "what agents are bound to"}  # (6) of one group


class ProofActivities:
    """Speaks for the one writer, as the identity of its queue."""

    def __init__(
        self, ledger: Ledger, voters: Voters, authors: str, door: DoorKey | None = None
    ) -> None:
        self._ledger = ledger
        self._verifier = ProofVerifier(voters, door)
        self._authors = authors

    @activity.defn(name=specs.prove.name)
    @governed
    async def prove(self, request: messages.ProveRequest) -> messages.Proven:
        """Return whose proof it is, or why it is refused; either is on the ledger."""
        _refuse_question(request)
        try:
            verified = await self._verified(request)
            entry = await self._record(request, verified)
        except ProofRefusedError as error:
            return await self._refuse(request, str(error))
        voter = verified.person
        return messages.Proven(
            entity=voter.entity,
            name=voter.name,
            groups=tuple(sorted(voter.groups)),
            entry=entry,
        )

    async def _verified(self, request: messages.ProveRequest) -> Verified:
        """Return who has signed, verified and allowed to.

        Raises:
            ProofRefusedError: nobody who may.
        """
        groups = (self._authors,) if request.purpose in _OF_AUTHORS else request.groups
        verified = await self._verifier.verify(  # (2) as every worker verifies
            request.proof,
            request.purpose,
            _about(request),
            of_time=good_when_it_came,
            groups=groups,
        )
        refusal = await self._refuse_voter(request, verified.person)
        if refusal is not None:
            raise ProofRefusedError(refusal)
        return verified

    async def _refuse_voter(self, request: messages.ProveRequest, voter: Voter) -> str | None:
        if request.voter and request.voter != voter.name:
            return f"the proof is of {voter.name!r}, and it was sent as {request.voter!r}"
        info = activity.info()
        matter = _OF_AUTHORS.get(request.purpose)
        if matter is not None and self._authors not in voter.groups:  # (6) of one group
            return f"{voter.name!r} may not vouch for {matter}: that takes group {self._authors!r}"
        if request.purpose == VOUCHED:  # (4) sent by whoever serves the door, which has signed it
            return None
        senders = await senders_of(
            activity.client(), info.workflow_id or "", info.workflow_run_id or "", request.proof
        )
        # (4) who sent it must be the person
        said = senders.refuse(frozenset({voter.name, *voter.logins}))
        return said and f"{said}, and the proof is of {voter.name!r}"

    async def _record(self, request: messages.ProveRequest, verified: Verified) -> int:
        """Record the proof once, and return its place.

        Raises:
            ProofRefusedError: it was used before (3).
        """
        voter = verified.person
        payload = {
            "entity": voter.entity,
            "name": voter.name,
            "proof": request.proof,
            # The same proof at another place is another content under the same key.
            "activity": activity.info().activity_id,
            **_of_purpose(request, voter),
        }
        draft = drafted(verified.key, _ACTIONS[request.purpose], NO_AGENT, payload)
        try:
            [receipt] = await self._ledger.append([draft])
        except IdempotencyMismatchError:
            raise ProofRefusedError(USED_BEFORE) from None
        return receipt.seq

    async def _refuse(self, request: messages.ProveRequest, why: str) -> messages.Proven:
        payload = {
            "purpose": request.purpose,
            "gate": str(request.about.get("gate", "")),
            "sent_as": request.voter,
            "why": why,
            # (5) never the thing itself
            "proof": digest_of_bytes(request.proof.encode(errors="replace")),
        }
        draft = drafted(
            run_key(activity.info().activity_id, "refused"), PROOF_REFUSED, NO_AGENT, payload
        )
        with suppress(IdempotencyMismatchError):  # an earlier attempt had another reason
            await self._ledger.append([draft])
        return messages.Proven(refusal=why)


def _refuse_question(request: messages.ProveRequest) -> None:
    """Refuse for good what no workflow of ours asks.

    Raises:
        DeniedError: it is about something else than proofs of that purpose are.
    """
    known = MATTERS.get(request.purpose) if request.purpose in _ACTIONS else None
    if known is None or {*request.about, "workflow", "run"} != {*known, "workflow", "run"}:
        raise DeniedError(
            f"ledger.prove: expected what a {request.purpose[:40]!r} is about, "
            f"got {sorted(request.about)[:20]}"
        )


def _about(request: messages.ProveRequest) -> dict[str, Any]:
    """Return what the proof has to be about, in the run that asks (1)."""
    info = activity.info()
    ids = {"workflow": info.workflow_id or "", "run": info.workflow_run_id or ""}
    matter = MATTERS[request.purpose]
    return {**request.about, **{name: value for name, value in ids.items() if name in matter}}


def _of_purpose(request: messages.ProveRequest, voter: Voter) -> dict[str, Any]:
    about = request.about
    if request.purpose == PLAN:
        return {
            "digest": about["plan"],
            "name": about["name"],
            "version": about["version"],
            "author": voter.name,
            "how": "proof of the author",
        }
    if request.purpose in (VOTE, VOUCHED):
        return {
            "gate": about["gate"],
            "opening": about["opening"],
            "decision": about["decision"],
            "groups": sorted(voter.groups),
            **{name: about[name] for name in ("door", "account") if name in about},
        }
    if request.purpose in (REBIND, CIRCUIT, REVIEW):
        return {"about": dict(about)}
    return {"plan": about["plan"]}
