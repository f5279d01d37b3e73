"""What is said of a gate that has been decided: in the report, on the ledger, to a T3 stage."""

from __future__ import annotations

from typing import Any

from activities.contracts import messages
from dsl.plan import GateStep
from dsl.rules.gates.consensus import Tally, Verdict, Vote
from dsl.rules.gates.council import APPROVE, REJECT, Advice
from dsl.values.durations import render_duration
from workflows.gates.opening import Opening

APPROVED = "approved"
REJECTED = "rejected"


def of_opening(opening: Opening, *, answered: bool) -> dict[str, Any]:
    """Return what an opening came to; not answered in time is rejected, whatever it got."""
    result = opening.tally()
    return {
        "gate": opening.step.path,
        "opening": opening.number,
        "escalated": opening.escalated,
        "verdict": APPROVED if answered and result.verdict is Verdict.PASSED else REJECTED,
        "detail": _sentence(opening, result, answered=answered),
        "votes": [_shown(vote) for vote in result.counted],
        "void": len(result.void) + opening.refusals,
        "vault": opening.vault.state,
    }


def of_council(step: GateStep, advice: Advice) -> dict[str, Any]:
    """Return what agents alone have decided; doubt that has nobody to go to is a rejection."""
    nobody = "" if advice.verdict in (APPROVE, REJECT) else "; nobody is named to decide instead"
    return {
        "gate": step.path,
        "opening": 0,
        "escalated": False,
        "verdict": APPROVED if advice.verdict == APPROVE else REJECTED,
        "detail": advice.detail + nobody,
        "votes": [],
        "void": 0,
        "vault": "none",
    }


def with_decisions(summary: dict[str, Any], advice: Advice | None) -> dict[str, Any]:
    """Return ``summary`` with what was decided about suggestions, where any were."""
    decisions = [each.on_record() for each in advice.decisions] if advice is not None else []
    return {**summary, "decisions": decisions} if decisions else summary


def approval_of(opening: Opening) -> messages.Approval | None:
    """Return what a T3 stage behind the gate can show; None where a vote is only claimed."""
    ballots = [
        messages.Ballot(
            voter=vote.voter,
            decision=vote.decision.value,
            reason=vote.reason,
            proof=opening.proofs.get(place, ""),
        )
        for place, vote in enumerate(opening.votes)
    ]
    if not ballots or not all(ballot.proof for ballot in ballots):
        return None
    return messages.Approval(
        gate=opening.step.path,
        opening=opening.number,
        escalated=opening.escalated,
        subject=opening.matter.subject,
        clarified=opening.matter.clarified,
        ballots=tuple(ballots),
    )


def _shown(vote: Vote) -> dict[str, Any]:
    return {
        "voter": vote.voter,
        "decision": vote.decision.value,
        "reason": vote.reason,
        "identity": vote.known_by,
    }


def _sentence(opening: Opening, result: Tally, *, answered: bool) -> str:
    if answered:
        return result.detail
    waited = render_duration(opening.timeout_ms)
    path = opening.step.path
    return f"gate {path!r} was not answered within {waited} by {opening.rules.asked()}"
