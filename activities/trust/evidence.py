"""``ledger.evidence``: does the ledger say that an agent may be raised, or come back?

Runs where the ledger is written, so that the answer rests on nobody's word. It grants nothing.
The rules:

1. What is no agent's id is refused before anything is looked up, and never stands on the ledger
   as it was sent.
2. The workflow is the one that may ask about this agent: there is one at a time.
3. The score card is the writer's own. Its evidence verifies when the ledger does, from its first
   entry to its last, and the file comes to the same card: a file that was rewritten as a whole
   verifies, and tells another story. Verifying takes a while: what the criteria are held against
   is the card as it is after that.
4. A run asks once. What it was answered is on the ledger, with the digest of what people sign;
   asked again, it is answered the same.
5. The ledger is verified once at a time, also when who asked has been cancelled: anybody may ask,
   and several at once would slow down the writer for every run there is.
"""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.ledger.facts import drafted, harmless, require_workflow, run_key, told
from activities.runtime.boundary import governed
from dsl.actions import TRUST_ASKED, TRUST_REFUSED
from dsl.core import Tier
from dsl.criteria import Criteria
from dsl.plan import Plan
from dsl.promotion import promotion_plan
from dsl.rules.proofs.proof import ENTITY_PATTERN
from dsl.rules.run.reserved import promotion_id, reinstatement_id
from dsl.rules.trust.card import Card
from dsl.rules.trust.promotion import figures, unmet, unmet_reinstatement, unverified
from dsl.values.agent_ids import refuse_agent_identity
from dsl.values.canonical import digest_of
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.ledger import scores, verify
from integrations.ledger.entries import Draft, Entry
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.events.reading import NO_AGENT
from integrations.ledger.ledger import Ledger
from integrations.vault.identity.registry import TOKEN_LIFE_MAX_S

_WORKFLOWS: Final = {
    trust.PROMOTE: (trust.PROMOTION_WORKFLOW, promotion_id),
    trust.REINSTATE: (trust.REINSTATEMENT_WORKFLOW, reinstatement_id),
}
_ENTITY: Final = re.compile(ENTITY_PATTERN)


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What the ledger says now."""

    card: Card
    unmet: tuple[str, ...]
    entries: int
    head: str


class Appraiser:
    """Holds score cards against the criteria."""

    def __init__(self, ledger: Ledger, criteria: Criteria) -> None:
        self._ledger = ledger
        self._criteria = criteria
        self._verifying = ThreadPoolExecutor(1, thread_name_prefix="evidence")  # (5) one at a time

    async def appraise(self, kind: str, agent: str, held: Tier, to: Tier) -> Appraisal:
        """Return what is missing, from the ledger as it is now.

        Raises:
            UnavailableError: the ledger cannot be read.
        """
        before = self._ledger.card(agent)
        loop = asyncio.get_running_loop()
        entries, head, verified = await loop.run_in_executor(self._verifying, self._verify, before)
        card = self._ledger.card(agent)  # (3) the writer's own
        now = int(time.time() * 1000)
        if kind == trust.REINSTATE:
            why = unmet_reinstatement(card, to, now, TOKEN_LIFE_MAX_S)
            why += () if verified else (unverified(),)
        else:
            why = unmet(self._criteria, card, held, to, now, verified=verified)
        if card.registered and _ENTITY.fullmatch(card.entity) is None:
            why += (f"the ledger does not know the entity of {agent!r} in vault",)
        return Appraisal(card, why, entries, head)

    def plan(self, kind: str, agent: str, held: Tier, to: Tier) -> Plan:
        """Return what people are asked.

        Raises:
            DeniedError: the criteria, which may have changed since, raise nobody to that tier.
        """
        try:
            return promotion_plan(self._criteria, kind, agent, held, to)
        except ValueError as error:
            raise DeniedError(str(error)) from None

    def _verify(self, card: Card) -> tuple[int, str, bool]:
        """Return length and head of the ledger, and whether ``card`` stands on it (3)."""
        path = self._ledger.path
        try:
            report = verify.verify(path)
            read = scores.card_of(path, card.agent, card.last)
        except (CorruptError, NotFoundError):
            self._ledger.require_file()  # one that was lost is waited for
            return 0, "", False
        self._ledger.require_file()
        sound = not report.problems and report.entries > card.last and read == card
        return report.entries, report.head, sound


class EvidenceActivities:
    """Speaks for the one writer."""

    def __init__(self, ledger: Ledger, appraiser: Appraiser) -> None:
        self._ledger = ledger
        self._appraiser = appraiser

    @activity.defn(name=trust.evidence.name)
    @governed
    async def evidence(self, request: trust.EvidenceRequest) -> trust.Evidence:
        """Return what is missing, what people sign, and whom to ask."""
        no_agent = refuse_agent_identity(request.agent)
        if no_agent is not None:
            return await self._refuse_name(request, no_agent)
        require_asker(request.kind, request.agent)  # (2) one question at a time
        recorded = await self._ledger.by_key(asked_key())
        if recorded is not None:
            return self._again(request, recorded)  # (4) a run asks once
        held, to = request.held, request.to
        found = await self._appraiser.appraise(request.kind, request.agent, held, to)
        shown = _inputs(request, found)
        receipt = await self._ledger.append([_asked(request, found, shown)])
        return self._answer(request, found.card, found.unmet, shown, receipt[0].seq)

    def _again(self, request: trust.EvidenceRequest, recorded: Entry) -> trust.Evidence:
        asked = recorded.payload
        question = (request.kind, request.agent, request.held.name, request.to.name)
        if question != (asked["kind"], recorded.agent, asked["held"], asked["to"]):
            raise DeniedError("this run has asked for something else already: start another")
        card = self._ledger.card(request.agent)
        return self._answer(
            request, card, tuple(asked["unmet"]), dict(asked["shown"]), recorded.seq
        )

    def _answer(
        self,
        request: trust.EvidenceRequest,
        card: Card,
        why: tuple[str, ...],
        shown: dict[str, Any],
        entry: int,
    ) -> trust.Evidence:
        held, to = request.held, request.to
        plan = None if why else self._appraiser.plan(request.kind, request.agent, held, to)
        return trust.Evidence(unmet=why, card=card.as_json(), inputs=shown, plan=plan, entry=entry)

    async def _refuse_name(self, request: trust.EvidenceRequest, why: str) -> trust.Evidence:
        asked = harmless(request.agent)
        payload = {"kind": harmless(request.kind), "asked": asked, "why": why}
        draft = drafted(run_key("trust.refused", "name"), TRUST_REFUSED, NO_AGENT, payload)
        entry = -1
        with suppress(IdempotencyMismatchError):
            [receipt] = await self._ledger.append([draft])
            entry = receipt.seq
        # (1) never as it was sent
        return trust.Evidence(unmet=(f"{asked!r} is no agent: {why}",), entry=entry)


def require_asker(kind: str, agent: str) -> None:
    """Refuse a question that another workflow asks than the one for it (2).

    Raises:
        DeniedError: it is not that workflow.
    """
    known = _WORKFLOWS.get(kind)
    if known is None:
        raise DeniedError(f"expected {' or '.join(_WORKFLOWS)}, got {harmless(kind)!r}")
    require_workflow(known[0], known[1](agent))


def asked_key() -> str:
    """Return the key under which the asking run's question stands (4)."""
    return run_key(TRUST_ASKED)


def _inputs(request: trust.EvidenceRequest, found: Appraisal) -> dict[str, Any]:
    """Return what people are shown and sign, by digest."""
    card = found.card
    return {
        "kind": request.kind,
        "agent": request.agent,
        "entity": card.entity,
        "from": request.held.name,
        "to": request.to.name,
        "reason": told(request.reason),
        "figures": figures(card),
        "evidence": {"first": card.first, "last": card.last, "entries": card.entries},
        "ledger": {"entries": found.entries, "head": found.head},
    }


def _asked(request: trust.EvidenceRequest, found: Appraisal, shown: dict[str, Any]) -> Draft:
    payload = {
        "kind": request.kind,
        "to": request.to.name,
        "held": request.held.name,
        "unmet": list(found.unmet),
        "inputs": digest_of(shown),
        "shown": shown,
        "entries": found.entries,
        "head": found.head,
    }
    return drafted(asked_key(), TRUST_ASKED, request.agent, payload, request.held)
