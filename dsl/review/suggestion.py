"""One suggestion: what could be done about anomalies, what that costs, and what its patch came to.

1. It names the anomalies it is about by their fingerprints, and is itself known by a name made of
   its remedy and them: the same suggestion in the next review has the same name.
2. A patch is text, a unified diff of files of the repository, and was tried where ``trial`` says
   so; a suggestion without one is for people to carry out.
3. The figures are those of its remedy (``dsl.rules.review.remedies``), never an agent's feeling.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import Field

from dsl.core import Value
from dsl.limits import (
    MESSAGE_LENGTH_MAX,
    PATCH_LENGTH_MAX,
    SUGGESTED_ANOMALIES_MAX,
    TRIAL_LINES_MAX,
)
from dsl.review.anomaly import AnomalyPlace, AnomalySeverity
from dsl.review.remedy import Remedy

SUGGESTION_PATTERN: Final = r"^[a-z]{1,20}(-[a-z]{1,20}){0,3}-[0-9a-f]{12}$"  # remedy, and a digest


class Risk(StrEnum):
    """What carrying a suggestion out may break, the mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class PatchTrial(StrEnum):
    """What came of a patch in a copy of the repository."""

    NONE = "none"  # there is no patch
    UNTRIED = "untried"  # nobody has tried it
    FAILED = "failed"  # it does not apply or parse, the anomaly stays, or a named check fails
    UNCHECKED = "unchecked"  # it holds as far as was looked: no check of the repository was named
    HELD = "held"  # likewise, and every check that was named has passed


class Suggestion(Value):
    """What could be done."""

    id: str = Field(pattern=SUGGESTION_PATTERN)  # (1) stable from review to review
    remedy: Remedy
    title: str = Field(min_length=1, max_length=MESSAGE_LENGTH_MAX)
    place: AnomalyPlace
    anomalies: tuple[str, ...] = Field(min_length=1, max_length=SUGGESTED_ANOMALIES_MAX)
    severity: AnomalySeverity  # of the worst of them
    impact: int = Field(ge=1, le=8)
    effort: int = Field(ge=1, le=8)
    risk: Risk
    confidence: float = Field(ge=0, le=1)
    patch: str = Field(default="", max_length=PATCH_LENGTH_MAX)  # (2) a unified diff
    trial: PatchTrial = PatchTrial.NONE
    trial_says: tuple[str, ...] = Field(default=(), max_length=TRIAL_LINES_MAX)
    score: str = "0"  # see dsl.rules.review.ranking; text, so that it is the same everywhere

    @property
    def is_auto_fixable(self) -> bool:
        """Tell whether its patch can be applied as it is: it was tried, and did not fail (2)."""
        return bool(self.patch) and self.trial in (PatchTrial.UNCHECKED, PatchTrial.HELD)
