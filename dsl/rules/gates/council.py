"""What agents say at a consensus gate, and what follows from it.

Agents advise. Their word decides only where nobody doubts it and no person is asked; everything
else goes to people. The rules:

1. What a member says is ``{decision: "approve" | "reject", confidence: 0 to 1, rationale: text}``.
   Further fields are ignored. A stage that did not complete, or says anything else, is an error.
2. An error is no vote, and neither is a confidence below the member's ``min_confidence``. One of
   these, or two members who disagree, and people decide: silence never makes a majority.
3. Members of one mind decide, where the weight behind it reaches the gate's quorum. Weights and
   quorum concern agents only, and only where no people are asked.
4. An agent's vote never counts as a person's. Where people are asked as well, agents that approve
   change nothing; agents that reject, reject.
5. On record a confidence is text: the ledger has no spelling for a fraction.
6. Where a gate decides suggestions one by one, ``dsl.rules.review.hearing`` says what members say
   together, in the same form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dsl.limits import REASON_LENGTH_MAX
from dsl.review.decision import CouncilDecision

APPROVE: Final = "approve"
REJECT: Final = "reject"
ESCALATE: Final = "escalate"
VOICES_SHOWN_MAX: Final = 8
_SHOWN_MAX: Final = 40  # characters of a wrong value in a sentence


@dataclass(frozen=True, slots=True)
class Member:
    """One agent stage that was asked, and what came of it."""

    stage: str  # path
    weight: int
    min_confidence: float
    completed: bool
    output: Mapping[str, Any]
    detail: str = ""  # why its stage ended so


@dataclass(frozen=True, slots=True)
class Voice:
    """What one member said."""

    stage: str
    weight: int
    decision: str = ""  # empty: it said nothing that can be understood
    confidence: str = ""  # (5) text: a fraction has no spelling
    rationale: str = ""
    doubt: str = ""  # why it cannot decide anything; empty: it can


@dataclass(frozen=True, slots=True)
class Advice:
    """What the members say together."""

    verdict: str  # APPROVE, REJECT or ESCALATE
    voices: tuple[Voice, ...]
    detail: str  # one sentence
    decisions: tuple[CouncilDecision, ...] = ()  # of suggestions, one by one (6)

    def on_record(self) -> dict[str, Any]:
        """Return it as JSON without fractions (5)."""
        voices = [asdict(voice) for voice in self.voices]
        told = {"decisions": [each.on_record() for each in self.decisions]}
        return {
            "verdict": self.verdict,
            "detail": self.detail,
            "voices": voices,
            **(told if self.decisions else {}),
        }


def advise(members: Iterable[Member], *, quorum: int | None) -> Advice:
    """Return what ``members`` say together.

    ``quorum`` is the weight a decision needs; None where people are asked as well (3).
    """
    voices = tuple(_hear(member) for member in members)
    verdict, why = _verdict(voices, quorum)
    return Advice(verdict, voices, why)


def _verdict(voices: Sequence[Voice], quorum: int | None) -> tuple[str, str]:
    weights = _weights(voices)
    doubts = [voice.doubt for voice in voices if voice.doubt]
    if doubts:  # (2) any doubt: people decide
        shown = "; ".join(doubts[:VOICES_SHOWN_MAX])
        more = f"; … ({len(doubts)} in all)" if len(doubts) > VOICES_SHOWN_MAX else ""
        return ESCALATE, f"agents cannot decide ({weights}): {shown}{more}"
    minds = {voice.decision for voice in voices}
    if len(minds) != 1:  # (2) they disagree: people decide
        return ESCALATE, f"agents do not agree ({weights})"
    (decision,) = minds
    weight = sum(voice.weight for voice in voices)
    if quorum is not None and weight < quorum:  # (3) not enough weight behind it
        return ESCALATE, f"the weight of the agents is below the quorum of {quorum} ({weights})"
    return decision, f"agents: {weights}"


def _weights(voices: Sequence[Voice]) -> str:
    total = sum(voice.weight for voice in voices)
    by_decision = {
        decision: sum(v.weight for v in voices if v.decision == decision and not v.doubt)
        for decision in (APPROVE, REJECT)
    }
    said = [f"{decision} {weight}" for decision, weight in by_decision.items() if weight]
    return f"{', '.join(said) or 'nothing'} of {total} by weight"


def _hear(member: Member) -> Voice:
    error = _error(member)
    if error is not None:
        return Voice(member.stage, member.weight, doubt=f"{member.stage!r} {error}")
    confidence = member.output["confidence"]
    return Voice(
        stage=member.stage,
        weight=member.weight,
        decision=member.output["decision"],
        confidence=str(confidence),
        rationale=member.output["rationale"].strip()[:REASON_LENGTH_MAX],
        doubt=_doubt(member, confidence),
    )


def _doubt(member: Member, confidence: float) -> str:
    if confidence >= member.min_confidence:
        return ""
    return (
        f"{member.stage!r} is not sure enough: {confidence}, and it takes {member.min_confidence}"
    )


def _error(member: Member) -> str | None:
    """Say why a member said nothing that can be understood; None when it did (1)."""
    if not member.completed:
        return "did not complete"
    decision = member.output.get("decision")
    confidence = member.output.get("confidence")
    rationale = member.output.get("rationale")
    if decision not in (APPROVE, REJECT):
        return f"says neither approve nor reject, but decision {_shown(decision)}"
    if not _is_share(confidence):
        return f"gives no confidence from 0 to 1, but {_shown(confidence)}"
    if not isinstance(rationale, str) or not rationale.strip():
        return "gives no rationale"
    return None


def _is_share(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= 1  # NaN is in no range


def _shown(value: Any) -> str:
    if isinstance(value, bool | float | str) or value is None:
        text = repr(value)
        return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
    return f"a value of type {type(value).__name__}"  # of any size: never spelled out
