"""How bad, in order, and which of two anomalies is shown first.

1. The worse first; of the equally bad the surer; then by place, so that two reviews of the same
   files are the same to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dsl.review.anomaly import Anomaly, AnomalySeverity

SEVERITIES_ORDERED: Final = tuple(AnomalySeverity)  # the mildest first


def rank(severity: AnomalySeverity) -> int:
    """Return a number that is greater the worse it is."""
    return SEVERITIES_ORDERED.index(severity)


def at_least(severity: AnomalySeverity, least: AnomalySeverity) -> bool:
    """Tell whether ``severity`` is as bad as ``least``, or worse."""
    return rank(severity) >= rank(least)


def worst_first(anomalies: Iterable[Anomaly]) -> list[Anomaly]:
    """Return them in the order in which people want to see them (1)."""
    return sorted(anomalies, key=_order)


def _order(each: Anomaly) -> tuple[object, ...]:
    place = (each.place.path, each.place.line, each.place.symbol)
    # (1) worse, surer, then by place
    return (-rank(each.severity), -each.confidence, *place, each.kind, each.rule, each.fingerprint)
