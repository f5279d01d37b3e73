"""What is decided about one suggestion, by which rule.

One pure function of the suggestion's risk and trial and of what the reviewers said, in whatever
order. The rules, in the order applied; the first that holds decides:

1. ``high-risk``: what is of high risk goes to people, whoever says what. Nothing below is reached.
2. ``patch-failed``: a patch that did not hold when it was tried is deferred: there is nothing to be
   approved until there is another.
3. ``reviewer-missing``: a reviewer that says nothing of it, too late or not at all: people.
4. ``reviewer-unclear``: one that cannot be understood, or says two things of it: people.
5. ``reviewer-unsure``: one whose confidence is below what its seat takes: people. Who abstains is
   not asked how sure that is.
6. ``nobody-concerned``: all abstain: deferred.
7. ``reviewers-contradict``: some for it and some against: people.
8. ``all-against``: rejected.
9. ``too-light``: all are for it, and the weight of those who did not abstain is below the quorum:
   people.
10. ``medium-risk-unchecked``: all are for it, it is of medium risk, and no patch of it held under
    the repository's own checks: people.
11. ``all-in-favour``: approved without people.

So silence never makes a majority, and a voice more or less never turns a doubt into an approval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dsl.limits import DECISION_WHY_LENGTH_MAX
from dsl.review.decision import CouncilDecision, CouncilRuling, DecisionRule, Opinion, Stance
from dsl.review.suggestion import PatchTrial, Risk

_HUMAN: Final = CouncilRuling.HUMAN
_NAMES_SHOWN_MAX: Final = 4
RULING_OF: Final = {
    DecisionRule.HIGH_RISK: _HUMAN,
    DecisionRule.UNREADABLE: _HUMAN,
    DecisionRule.PATCH_FAILED: CouncilRuling.DEFER,
    DecisionRule.REVIEWER_MISSING: _HUMAN,
    DecisionRule.REVIEWER_UNCLEAR: _HUMAN,
    DecisionRule.REVIEWER_UNSURE: _HUMAN,
    DecisionRule.NOBODY_CONCERNED: CouncilRuling.DEFER,
    DecisionRule.REVIEWERS_CONTRADICT: _HUMAN,
    DecisionRule.ALL_AGAINST: CouncilRuling.REJECT,
    DecisionRule.TOO_LIGHT: _HUMAN,
    DecisionRule.MEDIUM_RISK_UNCHECKED: _HUMAN,
    DecisionRule.ALL_IN_FAVOUR: CouncilRuling.AUTO_APPROVE,
}


@dataclass(frozen=True, slots=True)
class Seat:
    """One reviewer, and what it said of the suggestion that is decided about."""

    stage: str
    weight: int
    min_confidence: float
    opinion: Opinion | None = None
    doubt: str = ""  # why its word cannot be understood; empty: it can, or there is none
    silence: str = "says nothing of it"  # why there is no word


def decide(
    suggestion: str, risk: Risk, trial: PatchTrial, seats: Iterable[Seat], *, quorum: int
) -> CouncilDecision:
    """Return what is decided about ``suggestion``; ``quorum`` is the weight an approval takes."""
    panel = sorted(seats, key=lambda seat: seat.stage)  # in whatever order they were heard
    rule, why = _rule(risk, trial, panel, quorum)
    return CouncilDecision(suggestion, RULING_OF[rule], rule, why[:DECISION_WHY_LENGTH_MAX])


def _rule(
    risk: Risk, trial: PatchTrial, panel: Sequence[Seat], quorum: int
) -> tuple[DecisionRule, str]:
    if risk is Risk.HIGH:  # (1) nothing below is reached
        return DecisionRule.HIGH_RISK, "it is of high risk, which people decide about"
    if trial is PatchTrial.FAILED:  # (2) nothing to be approved
        return DecisionRule.PATCH_FAILED, "its patch did not hold when it was tried"
    doubt = _doubt(panel)
    if doubt is not None:
        return doubt
    votes = [seat for seat in panel if _stance(seat) is not Stance.ABSTAIN]
    return _counted(risk, trial, votes, quorum)


def _doubt(panel: Sequence[Seat]) -> tuple[DecisionRule, str] | None:
    missing = [seat for seat in panel if seat.opinion is None and not seat.doubt]
    if missing or not panel:  # (3) silence makes no majority
        return DecisionRule.REVIEWER_MISSING, _told(missing, "silence") or "there is no reviewer"
    unclear = [seat for seat in panel if seat.doubt]
    if unclear:  # (4) cannot be understood
        return DecisionRule.REVIEWER_UNCLEAR, _told(unclear, "doubt")
    unsure = [seat for seat in panel if _is_unsure(seat)]
    if unsure:  # (5) below what its seat takes
        return DecisionRule.REVIEWER_UNSURE, f"not sure enough: {_names(unsure)}"
    return None


def _counted(
    risk: Risk, trial: PatchTrial, votes: Sequence[Seat], quorum: int
) -> tuple[DecisionRule, str]:
    if not votes:  # (6) all abstain
        return DecisionRule.NOBODY_CONCERNED, "every reviewer abstains"
    against = [seat for seat in votes if _stance(seat) is Stance.REJECT]
    if 0 < len(against) < len(votes):  # (7) some for it and some against
        return DecisionRule.REVIEWERS_CONTRADICT, f"against it, others for it: {_names(against)}"
    if against:  # (8) rejected
        return DecisionRule.ALL_AGAINST, f"against it: {_names(against)}"
    weight = sum(seat.weight for seat in votes)
    if weight < quorum:  # (9) not enough weight behind it
        return DecisionRule.TOO_LIGHT, f"for it with weight {weight}, and it takes {quorum}"
    if risk is not Risk.LOW and trial is not PatchTrial.HELD:  # (10) more than low, and unchecked
        return DecisionRule.MEDIUM_RISK_UNCHECKED, "no patch of it held under the named checks"
    return DecisionRule.ALL_IN_FAVOUR, f"for it with weight {weight} of {quorum}: {_names(votes)}"


def _stance(seat: Seat) -> Stance | None:
    return None if seat.opinion is None else seat.opinion.stance


def _is_unsure(seat: Seat) -> bool:
    opinion = seat.opinion
    if opinion is None or opinion.stance is Stance.ABSTAIN:  # (5) not asked how sure that is
        return False
    return not opinion.confidence >= seat.min_confidence


def _names(seats: Sequence[Seat]) -> str:
    names = ", ".join(seat.stage for seat in seats[:_NAMES_SHOWN_MAX])
    more = len(seats) - _NAMES_SHOWN_MAX
    return f"{names} and {more} more" if more > 0 else names


def _told(seats: Sequence[Seat], field: str) -> str:
    shown = "; ".join(f"{seat.stage} {getattr(seat, field)}" for seat in seats[:_NAMES_SHOWN_MAX])
    more = len(seats) - _NAMES_SHOWN_MAX
    return f"{shown}; and {more} more" if more > 0 else shown
