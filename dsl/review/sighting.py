"""What one tool has seen, before it is known which anomaly it is.

``mark`` is what the sighting is told apart by within its file and symbol: the line of code it
stands on, the modules of a cycle. It holds no number that moves with what is around it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind


@dataclass(frozen=True, slots=True)
class Sighting:
    """An anomaly without a name."""

    kind: AnomalyKind
    severity: AnomalySeverity
    confidence: float
    path: str
    line: int
    message: str
    tool: str
    rule: str
    symbol: str = ""
    evidence: str = ""
    mark: str = ""
