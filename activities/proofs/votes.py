"""The votes behind a stage, each verified once more, as the rules want them.

1. A proof of a vote is about one run, gate, opening, plan, inputs, subject, decision and reason.
   What the warrant says of any of these is compared with what the person has signed.
2. The name that is counted is the one Vault has for the person, and it must be the one given.
3. All of them are verified, a few at a time; one that fails fails the whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from activities.contracts import messages
from activities.proofs.registered_plans import RegisteredPlan
from activities.proofs.verifier import ProofVerifier
from dsl.plan import GateStep, walk
from dsl.rules.gates.consensus import VERIFIED, Decision, Vote
from dsl.rules.gates.gate_rules import rules_of
from dsl.rules.gates.warrant import Opened
from dsl.rules.proofs.proof import VOTE, Proof, reason_digest, refuse_age
from dsl.values.canonical import digest_of
from integrations.errors import DeniedError

AT_ONCE: Final = 8
SHOWN_MAX: Final = 80  # characters of a name in a refusal


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The run a stage belongs to: ids from the server, the plan from the store."""

    workflow_id: str
    run_id: str
    plan: RegisteredPlan
    inputs: str  # digest of those the warrant names; the votes say whether it is right

    def refuse_age(self, proof: Proof) -> str | None:
        """Say why ``proof`` cannot have been made within such a run."""
        return refuse_age(proof, self.plan.plan.timeout_ms / 1000, time.time())


class VoteVerifier:
    """Verifies votes."""

    def __init__(self, verifier: ProofVerifier) -> None:
        self._verifier = verifier

    async def verify(
        self,
        run: PlannedRun,
        approvals: Sequence[messages.Approval],
        *,
        own: Iterable[GateStep] = (),
    ) -> tuple[Opened, ...]:
        """Return what the approvals come to, every vote verified.

        ``own``: gates that no plan names, and that a run opens for a stage of it.

        Raises:
            DeniedError: one of the votes is not what the warrant says.
            UnavailableError: Vault does not answer.
        """
        turn = asyncio.Semaphore(AT_ONCE)  # (3) a few at a time
        gates = {
            step.path: step for step in walk(run.plan.plan.steps) if isinstance(step, GateStep)
        } | {step.path: step for step in own}
        return tuple([await self._approval(run, gates, turn, each) for each in approvals])

    async def _approval(
        self,
        run: PlannedRun,
        gates: dict[str, GateStep],
        turn: asyncio.Semaphore,
        approval: messages.Approval,
    ) -> Opened:
        gate = gates.get(approval.gate)
        if gate is None:
            raise DeniedError(f"the plan has no gate {approval.gate[:SHOWN_MAX]!r}")
        groups = _asked_groups(gate, escalated=approval.escalated)
        votes = await asyncio.gather(
            *(self._vote(run, approval, ballot, groups, turn) for ballot in approval.ballots)
        )
        return Opened(
            gate=approval.gate,
            opening=approval.opening,
            escalated=approval.escalated,
            subject=approval.subject,
            votes=tuple(votes),
        )

    async def _vote(
        self,
        run: PlannedRun,
        approval: messages.Approval,
        ballot: messages.Ballot,
        groups: frozenset[str],
        turn: asyncio.Semaphore,
    ) -> Vote:
        about = {  # (1) what the person must have signed
            "workflow": run.workflow_id,
            "run": run.run_id,
            "gate": approval.gate,
            "opening": approval.opening,
            "escalated": approval.escalated,
            "plan": run.plan.digest,
            "inputs": run.inputs,
            "subject": digest_of(approval.subject),
            "decision": ballot.decision,
            "reason": reason_digest(ballot.reason),
        }
        where = f"the vote of {ballot.voter[:SHOWN_MAX]!r} at gate {approval.gate!r} does not hold"
        try:
            decision = Decision(ballot.decision)
            async with turn:
                verified = await self._verifier.verify(
                    ballot.proof, VOTE, about, of_time=run.refuse_age, groups=groups
                )
        except (DeniedError, ValueError) as error:
            raise DeniedError(f"{where}: {error}") from None
        voter = verified.person
        if voter.name != ballot.voter:  # (2) the name must be the person's
            raise DeniedError(f"{where}: the proof is of {voter.name!r}")
        return Vote(
            voter=voter.name,
            decision=decision,
            person=voter.entity,
            groups=voter.groups & groups,
            proven=True,
            reason=ballot.reason,
        )


def _asked_groups(gate: GateStep, *, escalated: bool) -> frozenset[str]:
    try:
        rules = rules_of(gate, escalated=escalated, identity=(VERIFIED,), excluded=frozenset())
    except ValueError as error:
        raise DeniedError(f"gate {gate.path!r} asks no such people: {error}") from None
    return rules.asked_groups()
