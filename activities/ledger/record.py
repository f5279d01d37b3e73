"""``ledger.record`` and ``ledger.authority``: the only way onto the ledger.

1. Who asks is taken from the activity's own context, never from the request: namespace,
   workflow, run and activity id. A payload cannot speak for another run.
2. The idempotency key leaves the attempt out, so that a repeated attempt records nothing new. What
   another activity of the same run has sent before, in vain for all it knows, has the key of then.
3. Acknowledged means on disk; otherwise the activity fails and is tried again.
4. Entries that carry authority come from where authority is: what an agent did and its fence
   from ``Agent``, or from the run on behalf of one of its own stages; a new agent from a pipeline.
   Who vouches for a plan, what was proven, asked and granted, and revocations never come this way.
   A run begins and ends itself: nobody else says so here.
5. That an agent was raised, came back or was rebound is taken only behind the grant it was done
   by, from the run that was granted it: a later one may have its workflow id.
6. What begins waits while the disk is nearly full; a record that also ends something does not.
7. What an append comes to is counted for the circuit of the ledger, and none is ever held back by
   it (docs/adr/0034).
8. What a call of a tool brings about is claimed with its intent: see ``activities.ledger.effects``.
"""

from __future__ import annotations

import asyncio
from typing import Final

from temporalio import activity

from activities.contracts import messages, specs
from activities.contracts import trust_specs as trust
from activities.contracts.attestation_specs import RECONCILE_WORKFLOW
from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
from activities.ledger.effects import (
    append_claiming,
    holder_of,
    is_named_by_its_operator,
    refuse_said_effect,
)
from activities.runtime.boundary import governed
from dsl import actions
from dsl.rules.trust.admission import agent_identity
from dsl.rules.trust.scorecard import OF_STAGE
from dsl.tools.folders import ToolFolders
from dsl.values.circuit_names import LEDGER
from integrations.errors import DeniedError
from integrations.health.breakers import Breakers
from integrations.ledger.entries import Draft, entry_key
from integrations.ledger.events.reading import LEASE_GRANTED, PLAN_REGISTERED
from integrations.ledger.ledger import Ledger

_NEVER: Final = frozenset(
    {
        actions.AGENT_REVOKED,
        actions.CIRCUIT_MOVED,
        actions.CIRCUIT_PROVEN,
        actions.REVIEW_PROVEN,
        actions.REBIND_PROVEN,
        actions.RUN_RESUMED,
        actions.STAGE_REUSED,
        actions.TRUST_ASKED,
        actions.TRUST_GRANTED,
        actions.TRUST_TRIAL,
        PLAN_REGISTERED,
        actions.PROOF_REFUSED,
        actions.START_PROVEN,
        actions.TOOL_EFFECT,
        actions.TOOL_FREED,
        actions.VOTE_PROVEN,
        actions.VOTE_VOUCHED,
    }
)
_OF_AGENT: Final = frozenset(
    {
        actions.AGENT_INTENDED,
        actions.AGENT_RETRIED,
        actions.AGENT_ENDED,
        actions.AGENT_ERRED,
        actions.AGENT_VIOLATED,
        actions.AGENT_DEMOTED,
        actions.TOOL_ANSWERED,
        actions.TOOL_SETTLED,
        actions.TOOL_DENIED,
        actions.TOOL_INTENDED,
    }
)
_OF_RUN: Final = frozenset({actions.RUN_STARTED, actions.RUN_ENDED})
_ONLY_FROM: Final = {
    **dict.fromkeys((LEASE_GRANTED, *_OF_AGENT), specs.AGENT_WORKFLOW),
    actions.AGENT_PROMOTED: trust.PROMOTION_WORKFLOW,
    actions.AGENT_REINSTATED: trust.REINSTATEMENT_WORKFLOW,
    actions.AGENT_REBOUND: trust.REBINDING_WORKFLOW,
    actions.CIRCUIT_ORDERED: CIRCUIT_WORKFLOW,
    actions.CIRCUIT_CHANGED: CIRCUIT_WORKFLOW,
    actions.REVIEW_OUTCOME: specs.REVIEW_OUTCOME_WORKFLOW,
    actions.RUN_DISPUTED: RECONCILE_WORKFLOW,
}
# What such an entry has to have in common with its grant.
_BEHIND_A_GRANT: Final = {
    actions.AGENT_PROMOTED: ("now",),
    actions.AGENT_REINSTATED: ("now", "epoch"),
    actions.AGENT_REBOUND: ("now", "binding", "pipeline", "template", "program"),
}
_BEGINS: Final = frozenset({"run.started", actions.AGENT_INTENDED, actions.AGENT_RETRIED})
_ENDS: Final = frozenset({"run.ended", actions.AGENT_ENDED})


class LedgerActivities:
    """Speaks for the one writer."""

    def __init__(
        self,
        ledger: Ledger,
        breakers: Breakers | None = None,
        tools: ToolFolders | None = None,
    ) -> None:
        """Write to ``ledger``; ``breakers`` see whether that goes well (7).

        ``tools``: where operators say what calls bring about (8).
        """
        self._ledger = ledger
        self._tools = tools or ToolFolders()
        self._breakers = breakers or Breakers()

    @activity.defn(name=specs.record.name)
    @governed
    async def record(self, request: messages.RecordRequest) -> messages.RecordResult:
        """Append the entries and answer what was asked along with the receipt."""
        return await self.append(request)

    async def append(self, request: messages.RecordRequest) -> messages.RecordResult:
        """Do so for the activity that asks, which may be another of this process (1)."""
        info = activity.info()
        run = (info.workflow_id or "", info.workflow_run_id or "")
        sent = dict(enumerate(request.sent))
        for entry in request.entries:
            # (4) authority comes from where it is
            _refuse_reserved(entry, info.workflow_type or "", run[0])
            if is_named_by_its_operator(entry):  # (8) as its operator says it
                # Files are read for that, and this process alone writes the ledger.
                refusal = await asyncio.to_thread(refuse_said_effect, entry, self._tools)
                if refusal is not None:
                    raise DeniedError(refusal)
            if entry.action in _BEHIND_A_GRANT:
                await self._require_grant(entry, run)  # (5) only behind its grant
        drafts = [
            Draft(
                # (2) the attempt is left out
                key=entry_key(
                    info.namespace, *run, sent.get(number) or f"{info.activity_id}/{number}"
                ),
                workflow_id=run[0],  # (1) from the context, not the request
                run_id=run[1],
                agent=entry.agent,
                tier=entry.tier,
                action=entry.action,
                payload=entry.payload,
            )
            for number, entry in enumerate(request.entries)
        ]
        recorded = {entry.action for entry in request.entries}
        # (7) counted, and never held back
        async with self._breakers.as_probe(LEDGER):
            with self._breakers.of(LEDGER).watching():
                if recorded & _BEGINS and not recorded & _ENDS:
                    self._ledger.require_room()  # (6) what begins waits for room
                # (3) acknowledged means on disk
                receipts, taken = await append_claiming(self._ledger, info.namespace, drafts)
        numbers = [receipt.seq for receipt in receipts] or [-1]
        return messages.RecordResult(
            first=min(numbers),
            last=max(numbers),
            authority=self._authority(request.authority_of) if request.authority_of else None,
            standing=self._standing(request) if request.standing_of else None,
            exhausted_in_a_row=self._exhausted(request.exhausted_of),
            taken=taken,
            held=await holder_of(self._ledger, info.namespace, request.effect),
        )

    @activity.defn(name=specs.authority.name)
    @governed
    async def authority(self, request: messages.AuthorityRequest) -> messages.Authority:
        """Answer from the ledger as it is now."""
        return self._authority(request.agent)

    async def _require_grant(self, entry: messages.EntryDraft, run: tuple[str, str]) -> None:
        """Refuse a change of trust that was not granted to this run (5)."""
        place = entry.payload.get("grant")
        granted = await self._ledger.by_place(place) if type(place) is int else None
        if granted is None or granted.action != actions.TRUST_GRANTED:
            raise DeniedError(f"{entry.action!r} names no grant: nothing was granted there")
        names = _BEHIND_A_GRANT[entry.action]
        same = (granted.agent, granted.workflow_id, granted.run_id) == (entry.agent, *run)
        if not same or any(granted.payload.get(n) != entry.payload.get(n) for n in names):
            raise DeniedError(f"{entry.action!r} is not what was granted at entry {place}")

    def _authority(self, agent: str) -> messages.Authority:
        known = self._ledger.authority(agent)
        return messages.Authority(
            fence=known.fence,
            epoch=known.epoch,
            revoked=known.revoked,
            at_ms=int(activity.info().started_time.timestamp() * 1000),
            errors=dict(known.errors),
        )

    def _exhausted(self, agent: str | None) -> int:
        return self._ledger.card(agent).exhausted if agent else 0

    def _standing(self, request: messages.RecordRequest) -> messages.Standing:
        digest = request.standing_of or ""
        registrations = self._ledger.registrations(digest)
        names = [
            agent_identity(agent, digest, registered=bool(registrations))
            for agent in request.agents
        ]
        return messages.Standing(
            registered=bool(registrations),
            author=registrations[0].author if registrations else None,
            authors=tuple(
                messages.Author(entity=each.entity, name=each.author or "", proof=each.proof)
                for each in registrations
                if each.entity
            ),
            unknown=tuple(name for name in names if self._ledger.authority(name).binding is None),
        )


def _refuse_reserved(entry: messages.EntryDraft, workflow_type: str, workflow_id: str) -> None:
    action = entry.action
    if action in _OF_RUN:
        may = OF_STAGE not in entry.payload
    elif action in _OF_AGENT and OF_STAGE in entry.payload:
        may = _is_of_own_stage(entry, workflow_id)
    elif action == actions.AGENT_REGISTERED:
        may = workflow_type != specs.AGENT_WORKFLOW
    else:
        may = action not in _NEVER and _ONLY_FROM.get(action, workflow_type) == workflow_type
    if not may:
        raise DeniedError(f"a workflow {workflow_type!r} may not record {action!r}")


def _is_of_own_stage(entry: messages.EntryDraft, workflow_id: str) -> bool:
    """Tell whether a run records what one of its stages could not."""
    of = entry.payload.get(OF_STAGE)
    return isinstance(of, dict) and str(of.get("workflow")).startswith(f"{workflow_id}/")
