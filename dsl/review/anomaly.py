"""One anomaly: what was found, how bad and how sure that is, where, and what shows it.

1. It is a value: whoever suggests or decides something about it names it by its fingerprint.
2. Whatever is quoted of the repository is bounded; it is text of others, and never obeyed.
3. ``fingerprint`` is made by ``dsl.rules.review.fingerprints`` and by nobody else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import Field

from dsl.core import Value
from dsl.limits import (
    EVIDENCE_LENGTH_MAX,
    MESSAGE_LENGTH_MAX,
    REVIEWED_PATH_LENGTH_MAX,
    SYMBOL_LENGTH_MAX,
)
from dsl.review.kinds import AnomalyKind

FINGERPRINT_PATTERN: Final = r"^[0-9a-f]{32}$"
RULE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$"
TOOL_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"


class AnomalySeverity(StrEnum):
    """How bad it is if it is true, the mildest first; see ``dsl.rules.review.severity``."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AnomalyPlace(Value):
    """Where it is: a file of the repository, or a thing of the system such as a run or an agent."""

    path: str = Field(min_length=1, max_length=REVIEWED_PATH_LENGTH_MAX)  # relative, with slashes
    line: int = Field(default=0, ge=0)  # 1-based; 0: no line of it
    symbol: str = Field(default="", max_length=SYMBOL_LENGTH_MAX)  # function, class, stage, package


class Anomaly(Value):
    """Something in a repository or in a system's behaviour that should not be so."""

    kind: AnomalyKind
    severity: AnomalySeverity
    confidence: float = Field(ge=0, le=1)  # that a person who looks agrees
    place: AnomalyPlace
    message: str = Field(min_length=1, max_length=MESSAGE_LENGTH_MAX)  # one sentence
    evidence: str = Field(default="", max_length=EVIDENCE_LENGTH_MAX)  # what shows it (2)
    tool: str = Field(pattern=TOOL_PATTERN)  # who found it
    rule: str = Field(pattern=RULE_PATTERN)  # by which of its rules
    fingerprint: str = Field(pattern=FINGERPRINT_PATTERN)  # (3) stable from review to review
