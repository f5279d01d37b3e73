"""What a repository says need not be told again: of which anomalies, why, and until when."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from dsl.core import Value
from dsl.limits import REASON_LENGTH_MAX
from dsl.review.anomaly import FINGERPRINT_PATTERN, RULE_PATTERN
from dsl.review.kinds import AnomalyKind


class Suppression(Value):
    """One of them; whatever it says of an anomaly must hold, and it says one thing at least."""

    kind: AnomalyKind | None = None
    rule: str | None = Field(default=None, pattern=RULE_PATTERN)
    path: str | None = Field(default=None, min_length=1)  # of a file, with * and **
    fingerprint: str | None = Field(default=None, pattern=FINGERPRINT_PATTERN)
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)
    until: date
