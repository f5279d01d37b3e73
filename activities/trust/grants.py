"""``ledger.grant``: people have agreed, so may the agent be raised, or come back?

A workflow asks, and is believed nothing: whoever may write to the namespace can forge one. In this
order, and every refusal is one sentence, on the ledger:

1. The run was answered itself by ``ledger.evidence``, with nothing missing, and what people were
   shown is what it was answered: by the digest that stands on the ledger.
2. The plan is made anew from this worker's own criteria. Every vote is verified with the key of the
   person it names, about this run, plan and inputs; the rules that decide gates say that it passes.
3. The criteria still hold now, and the ledger still verifies.
4. The grant is on the ledger before it is signed. Asked again, the same grant is signed again; its
   time runs from when it was granted.
5. The epoch of a return is told by the server's clock, as that of a revocation is: by ours, were it
   ahead, the next revocation would come "before" the return and count for nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.ledger.facts import drafted, harmless, run_key, told
from activities.proofs.registered_plans import RegisteredPlan
from activities.proofs.verifier import ProofVerifier
from activities.proofs.votes import PlannedRun, VoteVerifier
from activities.runtime.boundary import governed
from activities.trust.evidence import Appraiser, asked_key, require_asker
from activities.trust.signed_grants import signed
from dsl.actions import TRUST_GRANTED, TRUST_REFUSED
from dsl.core import Tier
from dsl.limits import VERIFICATIONS_MAX
from dsl.plan import GateStep, Plan
from dsl.rules.gates.warrant import Opened, WarrantError, persons_behind
from dsl.values.agent_ids import refuse_agent_identity
from dsl.values.canonical import digest_of, digest_of_bytes
from integrations.errors import DeniedError
from integrations.ledger.entries import Entry
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.events.reading import NO_AGENT
from integrations.ledger.ledger import Ledger
from integrations.vault.signing.head_signer import HeadSigner
from integrations.vault.signing.voters import Voters


class GrantActivities:
    """Speaks for the one writer, and signs in the ledger's name."""

    def __init__(
        self, ledger: Ledger, appraiser: Appraiser, voters: Voters, signer: HeadSigner
    ) -> None:
        self._ledger = ledger
        self._appraiser = appraiser
        self._votes = VoteVerifier(ProofVerifier(voters))
        self._signer = signer

    @activity.defn(name=trust.grant.name)
    @governed
    async def grant(self, request: trust.GrantRequest) -> trust.Granted:
        """Return the signed statement, or why there is none."""
        no_agent = refuse_agent_identity(request.agent)
        if no_agent is not None:
            return await self._refuse(request, f"{harmless(request.agent)!r} is no agent")
        try:
            require_asker(request.kind, request.agent)
            inputs = _digest_of(request.inputs)
            entry = await self._granted(request, inputs) or await self._decide(request, inputs)
            return await signed(entry, self._signer)
        except DeniedError as error:
            return await self._refuse(request, str(error))

    async def _granted(self, request: trust.GrantRequest, inputs: str) -> Entry | None:
        """Return the grant that was recorded by an earlier attempt (4)."""
        found = await self._ledger.by_key(run_key(TRUST_GRANTED))
        if found is not None and (found.payload["inputs"], found.agent) != (inputs, request.agent):
            raise DeniedError("this run was granted something else already: start another")
        return found

    async def _decide(self, request: trust.GrantRequest, inputs: str) -> Entry:
        """Return the grant, recorded.

        Raises:
            DeniedError: there is none to be given.
        """
        await self._require_asked(request, inputs)  # (1) people were shown what we answered
        opened = await self._require_votes(request, inputs)  # (2) every vote again
        found = await self._appraiser.appraise(
            request.kind, request.agent, request.held, request.to
        )
        if found.unmet:  # (3) the criteria still hold
            raise DeniedError("meanwhile not everything holds: " + "; ".join(found.unmet))
        granted = int(time.time() * 1000)
        is_back = request.kind == trust.REINSTATE
        payload = {
            "kind": request.kind,
            "was": (Tier.T0 if is_back else request.held).name,
            "now": request.to.name,
            "inputs": inputs,
            "entity": found.card.entity,
            "granted": granted,
            # (5) by the server's clock
            "epoch": max(_asked_ms(), found.card.epoch + 1) if is_back else 0,
            "votes": [_vote(vote, request) for vote in opened.votes],
            "entries": found.entries,
            "head": found.head,
        }
        key = run_key(TRUST_GRANTED)
        with suppress(IdempotencyMismatchError):  # another attempt was faster: its word stands
            await self._ledger.append(
                [drafted(key, TRUST_GRANTED, request.agent, payload, request.held)]
            )
        entry = await self._ledger.by_key(key)
        if entry is None:
            raise DeniedError("the ledger does not read back what was granted: verify it")
        return entry

    async def _require_asked(self, request: trust.GrantRequest, inputs: str) -> None:
        asked = await self._ledger.by_key(asked_key())
        if asked is None:
            raise DeniedError("this run has never asked for evidence, so nobody was shown any")
        question = (request.kind, request.agent, request.held.name, request.to.name)
        said = asked.payload
        if question != (said["kind"], asked.agent, said["held"], said["to"]):
            raise DeniedError("this run has asked for evidence about something else")
        if said["unmet"]:
            raise DeniedError("not everything held when this run asked: " + said["unmet"][0])
        if inputs != said["inputs"]:
            raise DeniedError("what people were shown is not what this run was answered")

    async def _require_votes(self, request: trust.GrantRequest, inputs: str) -> Opened:
        approval = request.approval
        if len(approval.ballots) > VERIFICATIONS_MAX:
            raise DeniedError(
                f"there are {len(approval.ballots)} votes, and at most {VERIFICATIONS_MAX} are "
                "verified"
            )
        plan = self._appraiser.plan(request.kind, request.agent, request.held, request.to)
        [opened] = await self._votes.verify(_run(plan, inputs), [approval])
        gate = plan.steps[0]
        assert isinstance(gate, GateStep)  # noqa: S101  # the plan is ours
        try:
            persons_behind(gate, opened)
        except WarrantError as error:
            raise DeniedError(str(error)) from None
        return opened

    async def _refuse(self, request: trust.GrantRequest, why: str) -> trust.Granted:
        agent = NO_AGENT if refuse_agent_identity(request.agent) else request.agent
        why = told(why)  # it may quote what was sent
        payload = {
            "kind": harmless(request.kind),
            "asked": f"{harmless(request.agent)} to {request.to.name}",
            "why": why,
        }
        draft = drafted(
            run_key(TRUST_REFUSED, activity.info().activity_id), TRUST_REFUSED, agent, payload
        )
        entry = -1
        with suppress(IdempotencyMismatchError):  # an earlier attempt had another reason
            [receipt] = await self._ledger.append([draft])
            entry = receipt.seq
        return trust.Granted(refusal=why, entry=entry)


def _run(plan: Plan, inputs: str) -> PlannedRun:
    info = activity.info()
    ours = RegisteredPlan(plan, plan.digest(), ())
    return PlannedRun(info.workflow_id or "", info.workflow_run_id or "", ours, inputs)


def _asked_ms() -> int:
    """Return when the grant was asked for, in milliseconds since 1970, in the server's words."""
    return int(activity.info().scheduled_time.timestamp() * 1000)


def _vote(vote: Any, request: trust.GrantRequest) -> dict[str, Any]:
    proofs = {each.voter: each.proof for each in request.approval.ballots}
    return {
        "voter": vote.voter,
        "entity": vote.person,
        "decision": vote.decision.value,
        "groups": sorted(vote.groups),
        "proof": digest_of_bytes(proofs[vote.voter].encode()),
    }


def _digest_of(inputs: dict[str, Any]) -> str:
    try:
        return digest_of(inputs)
    except ValueError:
        raise DeniedError("the inputs have no canonical form, so nobody has signed them") from None
