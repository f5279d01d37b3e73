"""``ledger.prove``: whose proof is this, and is it good for what it is shown for?

Runs where the ledger is written: whoever records that somebody has proven something has seen it
himself. An entry ``vote.proven`` that no such check stands behind cannot be made.

1. Workflow and run are taken from the activity's own context, never from the request.
2. The signature is checked with the key of the entity that the proof names, then that entity is
   read: its name, whether it is disabled, its groups. Nothing is remembered from one time to the
   next. Vault away: no answer, so no vote.
3. A proof is recorded under its nonce; the same nonce elsewhere, or with other content, is refused.
4. Where the server has recorded who sent the message, that principal must be the person.
5. What is refused is recorded with the digest of what was sent, never with the thing itself.
6. Plans, and what an agent is bound to, are vouched for by members of one group
   (``MANDATE_AUTHORS``): whoever registers a plan decides which gates stand before its stages.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

from temporalio import activity

from activities.contracts import specs
from activities.runtime.boundary import governed
from activities.runtime.principal import senders_of
from dsl.actions import REBIND_PROVEN
from dsl.core import Tier
from dsl.rules.proofs.proof import (
    MATTERS,
    PLAN,
    REBIND,
    START,
    VOTE,
    Proof,
    ProofError,
    decode,
    refuse_matter,
    refuse_time,
)
from dsl.values.canonical import digest_of_bytes
from integrations.errors import DeniedError
from integrations.ledger.authority import NO_AGENT, PLAN_REGISTERED
from integrations.ledger.entries import Draft, entry_key
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.ledger import Ledger
from integrations.vault.signing.voters import Voter, Voters

VOTE_PROVEN: Final = "vote.proven"
START_PROVEN: Final = "start.proven"
PROOF_REFUSED: Final = "proof.refused"
_ACTIONS: Final = {
    VOTE: VOTE_PROVEN,
    START: START_PROVEN,
    PLAN: PLAN_REGISTERED,
    REBIND: REBIND_PROVEN,
}
_OF_AUTHORS: Final = {PLAN: "plans", REBIND: "what agents are bound to"}  # (6)


class Proving:
    """Speaks for the one writer, as the identity of its queue."""

    def __init__(self, ledger: Ledger, voters: Voters, authors: str) -> None:
        self._ledger = ledger
        self._voters = voters
        self._authors = authors

    @activity.defn(name=specs.prove.name)
    @governed
    async def prove(self, request: specs.ProveRequest) -> specs.Proven:
        """Return whose proof it is, or why it is refused; either is on the ledger."""
        _refuse_question(request)
        refusal, proof, voter = await self._examine(request)
        if refusal is None and proof is not None and voter is not None:
            entry = await self._record(request, proof, voter)
            if entry is not None:
                return specs.Proven(
                    entity=voter.entity,
                    name=voter.name,
                    groups=tuple(sorted(voter.groups)),
                    entry=entry,
                )
            refusal = "the proof was used before: every proof is good for one time, make another"
        return await self._refuse(request, refusal or "the proof is refused")

    async def _examine(
        self, request: specs.ProveRequest
    ) -> tuple[str | None, Proof | None, Voter | None]:
        try:
            proof = decode(request.proof)
        except ProofError as error:
            return str(error), None, None
        refusal = refuse_matter(proof, request.purpose, _about(request)) or refuse_time(
            proof, came_at()
        )
        if refusal is not None:
            return refusal, proof, None
        if not await self._voters.verify(proof.entity, proof.message(), proof.signature):  # (2)
            return "the signature is not made with the key of the person it names", proof, None
        groups = (self._authors,) if request.purpose in _OF_AUTHORS else request.groups
        voter = await self._voters.read(proof.entity, groups)
        if voter is None:
            return "the proof names a person whom vault does not know", proof, None
        return await self._refuse_voter(request, voter), proof, voter

    async def _refuse_voter(self, request: specs.ProveRequest, voter: Voter) -> str | None:
        if voter.disabled:
            return f"{voter.name!r} is disabled in vault"
        if request.voter and request.voter != voter.name:
            return f"the proof is of {voter.name!r}, and it was sent as {request.voter!r}"
        info = activity.info()
        matter = _OF_AUTHORS.get(request.purpose)
        if matter is not None and self._authors not in voter.groups:
            return f"{voter.name!r} may not vouch for {matter}: that takes group {self._authors!r}"
        senders = await senders_of(
            activity.client(), info.workflow_id or "", info.workflow_run_id or "", request.proof
        )
        said = senders.refuse(frozenset({voter.name, *voter.logins}))  # (4)
        return said and f"{said}, and the proof is of {voter.name!r}"

    async def _record(self, request: specs.ProveRequest, proof: Proof, voter: Voter) -> int | None:
        """Record the proof once; None when it was used before (3)."""
        payload = {
            "entity": voter.entity,
            "name": voter.name,
            "proof": request.proof,
            # The same proof at another place is another content under the same key.
            "activity": activity.info().activity_id,
            **_of_purpose(request, voter),
        }
        draft = _draft(
            entry_key("proof", voter.entity, proof.nonce), _ACTIONS[request.purpose], payload
        )
        try:
            [receipt] = await self._ledger.append([draft])
        except IdempotencyMismatchError:
            return None
        return receipt.seq

    async def _refuse(self, request: specs.ProveRequest, why: str) -> specs.Proven:
        info = activity.info()
        payload = {
            "purpose": request.purpose,
            "gate": str(request.about.get("gate", "")),
            "sent_as": request.voter,
            "why": why,
            "proof": digest_of_bytes(request.proof.encode(errors="replace")),  # (5)
        }
        run = (info.namespace, info.workflow_id or "", info.workflow_run_id or "")
        draft = _draft(entry_key(*run, info.activity_id, "refused"), PROOF_REFUSED, payload)
        with suppress(IdempotencyMismatchError):  # an earlier attempt had another reason
            await self._ledger.append([draft])
        return specs.Proven(refusal=why)


def _refuse_question(request: specs.ProveRequest) -> None:
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


def came_at() -> float:
    """Return when the proof came, in seconds since 1970: it does not age while Vault is away."""
    return min(time.time(), activity.info().scheduled_time.timestamp())


def _about(request: specs.ProveRequest) -> dict[str, Any]:
    """Return what the proof has to be about, in the run that asks (1)."""
    info = activity.info()
    ids = {"workflow": info.workflow_id or "", "run": info.workflow_run_id or ""}
    matter = MATTERS[request.purpose]
    return {**request.about, **{name: value for name, value in ids.items() if name in matter}}


def _of_purpose(request: specs.ProveRequest, voter: Voter) -> dict[str, Any]:
    about = request.about
    if request.purpose == PLAN:
        return {
            "digest": about["plan"],
            "name": about["name"],
            "version": about["version"],
            "author": voter.name,
            "how": "proof of the author",
        }
    if request.purpose == VOTE:
        return {
            "gate": about["gate"],
            "opening": about["opening"],
            "decision": about["decision"],
            "groups": sorted(voter.groups),
        }
    if request.purpose == REBIND:
        return {"about": dict(about)}
    return {"plan": about["plan"]}


def _draft(key: str, action: str, payload: dict[str, Any]) -> Draft:
    info = activity.info()
    return Draft(
        key=key,
        workflow_id=info.workflow_id or "-",  # (1)
        run_id=info.workflow_run_id or "-",
        agent=NO_AGENT,
        tier=Tier.T0,
        action=action,
        payload=payload,
    )
