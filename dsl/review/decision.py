"""What reviewers say of a suggestion, and what is decided about it.

1. A decision names the rule that made it (``dsl.rules.review.decision``), so that whoever doubts it
   can read why.
2. ``human`` and ``defer`` are no approvals, and neither is silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stance(StrEnum):
    """What one reviewer says of one suggestion."""

    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"  # it is no matter of this reviewer's


class CouncilRuling(StrEnum):
    """What becomes of one suggestion."""

    AUTO_APPROVE = "auto-approve"
    HUMAN = "human"
    REJECT = "reject"
    DEFER = "defer"


class DecisionRule(StrEnum):
    """The rules, each of which makes one ruling and no other."""

    HIGH_RISK = "high-risk"
    UNREADABLE = "unreadable"
    PATCH_FAILED = "patch-failed"
    REVIEWER_MISSING = "reviewer-missing"
    REVIEWER_UNCLEAR = "reviewer-unclear"
    REVIEWER_UNSURE = "reviewer-unsure"
    REVIEWERS_CONTRADICT = "reviewers-contradict"
    ALL_AGAINST = "all-against"
    NOBODY_CONCERNED = "nobody-concerned"
    TOO_LIGHT = "too-light"
    MEDIUM_RISK_UNCHECKED = "medium-risk-unchecked"
    ALL_IN_FAVOUR = "all-in-favour"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reviewer says of one suggestion, as far as it can be understood."""

    stance: Stance
    confidence: float
    rationale: str


@dataclass(frozen=True, slots=True)
class CouncilDecision:
    """What was decided about one suggestion, by which rule."""

    suggestion: str
    ruling: CouncilRuling
    rule: DecisionRule
    why: str  # a sentence

    def on_record(self) -> dict[str, str]:
        """Return it as the ledger and reports have it."""
        return {
            "suggestion": self.suggestion,
            "ruling": self.ruling.value,
            "rule": self.rule.value,
            "why": self.why,
        }
