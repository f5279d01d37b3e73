"""One review as it is told: what was looked at, what was found, and what becomes of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dsl.review.anomaly import Anomaly, AnomalySeverity
from dsl.review.suggestion import Suggestion
from dsl.rules.review.severity import SEVERITIES_ORDERED
from dsl.rules.review.verdict import ReviewVerdict
from integrations.review.watcher import WatcherReport


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Everything that is shown of a review, in whatever form."""

    path: str  # as it was typed
    report: WatcherReport
    verdict: ReviewVerdict
    suggestions: tuple[Suggestion, ...]  # about what is new, the first in rank first
    took_s: float

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was not looked at, and what of the suppressions is no longer right."""
        expired = tuple(
            f"a suppression has expired on {each.until.isoformat()}: {each.reason}"
            for each in self.verdict.expired
        )
        idle = tuple(
            f"a suppression covers nothing and can go: {each.reason}" for each in self.verdict.idle
        )
        return (*expired, *idle, *self.report.notes)


def counted(anomalies: Iterable[Anomaly]) -> list[tuple[AnomalySeverity, int]]:
    """Return how many there are of each severity, the worst first."""
    counts = Counter(each.severity for each in anomalies)
    return [(each, counts[each]) for each in reversed(SEVERITIES_ORDERED) if counts[each]]
