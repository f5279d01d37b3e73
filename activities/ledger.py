"""``ledger.record`` and ``ledger.authority``: the only way onto the ledger.

1. Who asks is taken from the activity's own context, never from the request: namespace,
   workflow, run and activity id. A payload cannot speak for another run.
2. The idempotency key leaves the attempt out, so that a repeated attempt records nothing new.
3. Acknowledged means on disk; otherwise the activity fails and is tried again.
4. Entries that carry authority come from where authority is: a fence from ``Agent``, a new
   agent from a pipeline. Who vouches for a plan, what was proven, and revocations never come
   this way.
"""

from __future__ import annotations

from typing import Final

from temporalio import activity

from activities import contracts
from activities.boundary import governed
from activities.proving import PROOF_REFUSED, START_PROVEN, VOTE_PROVEN
from dsl.rules.admission import agent_identity
from integrations.errors import DeniedError
from integrations.ledger.authority import (
    AGENT_REGISTERED,
    AGENT_REINSTATED,
    AGENT_REVOKED,
    LEASE_GRANTED,
    PLAN_REGISTERED,
)
from integrations.ledger.entries import Draft, entry_key
from integrations.ledger.ledger import Ledger

_NEVER: Final = frozenset(
    {
        AGENT_REVOKED,
        AGENT_REINSTATED,
        PLAN_REGISTERED,
        PROOF_REFUSED,
        START_PROVEN,
        VOTE_PROVEN,
    }
)


class LedgerActivities:
    """Speaks for the one writer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name=contracts.record.name)
    @governed
    async def record(self, request: contracts.RecordRequest) -> contracts.RecordResult:
        """Append the entries and answer what was asked along with the receipt."""
        info = activity.info()
        run = (info.workflow_id or "", info.workflow_run_id or "")
        scope = (info.namespace, *run, info.activity_id)
        _refuse_reserved(request, info.workflow_type or "")  # (4)
        drafts = [
            Draft(
                key=entry_key(*scope, str(number)),  # (2)
                workflow_id=run[0],  # (1)
                run_id=run[1],
                agent=entry.agent,
                tier=entry.tier,
                action=entry.action,
                payload=entry.payload,
            )
            for number, entry in enumerate(request.entries)
        ]
        receipts = await self._ledger.append(drafts)  # (3)
        numbers = [receipt.seq for receipt in receipts] or [-1]
        return contracts.RecordResult(
            first=min(numbers),
            last=max(numbers),
            authority=self._authority(request.authority_of) if request.authority_of else None,
            standing=self._standing(request) if request.standing_of else None,
            exhausted_in_a_row=self._exhausted(request.exhausted_of),
        )

    @activity.defn(name=contracts.authority.name)
    @governed
    async def authority(self, request: contracts.AuthorityRequest) -> contracts.Authority:
        """Answer from the ledger as it is now."""
        return self._authority(request.agent)

    def _authority(self, agent: str) -> contracts.Authority:
        known = self._ledger.authority(agent)
        return contracts.Authority(fence=known.fence, epoch=known.epoch, revoked=known.revoked)

    def _exhausted(self, agent: str | None) -> int:
        return self._ledger.card(agent).exhausted if agent else 0

    def _standing(self, request: contracts.RecordRequest) -> contracts.Standing:
        digest = request.standing_of or ""
        registrations = self._ledger.registrations(digest)
        names = [
            agent_identity(agent, digest, registered=bool(registrations))
            for agent in request.agents
        ]
        return contracts.Standing(
            registered=bool(registrations),
            author=registrations[0].author if registrations else None,
            authors=tuple(
                contracts.Author(entity=each.entity, name=each.author or "", proof=each.proof)
                for each in registrations
                if each.entity
            ),
            unknown=tuple(name for name in names if self._ledger.authority(name).binding is None),
        )


def _refuse_reserved(request: contracts.RecordRequest, workflow_type: str) -> None:
    from_agent = workflow_type == contracts.AGENT_WORKFLOW
    reserved = _NEVER | ({AGENT_REGISTERED} if from_agent else {LEASE_GRANTED})
    for entry in request.entries:
        if entry.action in reserved:
            raise DeniedError(f"a workflow {workflow_type!r} may not record {entry.action!r}")
