"""What is suggested about anomalies: each once, merged where one change does away with several.

1. Anomalies with one remedy in one file are one suggestion: whoever removes an unused import of a
   file removes all of them. Cycles, layers and behaviour are one suggestion for each.
2. It is named after its remedy and its anomalies, and has the severity of the worst, the confidence
   of the surest.
3. No anomaly is left out, and none is in two suggestions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from dsl.limits import MESSAGE_LENGTH_MAX, SUGGESTED_ANOMALIES_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.remedy import WHAT_TO_DO, Remedy
from dsl.review.suggestion import Suggestion
from dsl.rules.review.remedies import COSTS, IMPACT, remedy_of, risk_of
from dsl.rules.review.severity import rank, worst_first
from dsl.values.canonical import canonical

_DIGITS: Final = 12
_TOGETHER: Final = frozenset(  # (1) one change of one file
    {
        Remedy.REMOVE_UNUSED_IMPORT,
        Remedy.REMOVE_UNUSED_VARIABLE,
        Remedy.REMOVE_DEAD_CODE,
        Remedy.NARROW_EXCEPT,
        Remedy.LOAD_SAFELY,
        Remedy.PIN_DEPENDENCY,
        Remedy.DROP_DEPENDENCY,
        Remedy.DECLARE_DEPENDENCY,
        Remedy.SETTLE_NOTE,
        Remedy.ASSERT_SOMETHING,
        Remedy.TEST_IT,
        Remedy.MEND_TYPE,
    }
)


def suggest_for(anomalies: Iterable[Anomaly]) -> list[Suggestion]:
    """Return what is suggested about ``anomalies``; not yet in rank."""
    groups: dict[tuple[str, ...], list[Anomaly]] = {}
    once = {each.fingerprint: each for each in anomalies}
    for each in worst_first(once.values()):
        remedy = remedy_of(each)
        apart = () if remedy in _TOGETHER else (each.fingerprint,)
        groups.setdefault((remedy, each.place.path, *apart), []).append(each)
    return [
        _suggestion(Remedy(key[0]), group[start : start + SUGGESTED_ANOMALIES_MAX])
        for key, group in groups.items()
        for start in range(0, len(group), SUGGESTED_ANOMALIES_MAX)
    ]


def suggestion_id(remedy: Remedy, fingerprints: Iterable[str]) -> str:
    """Return the name of a suggestion (2)."""
    words = canonical([remedy.value, *sorted(fingerprints)])
    return f"{remedy.value}-{hashlib.sha256(words.encode()).hexdigest()[:_DIGITS]}"


def _suggestion(remedy: Remedy, group: Sequence[Anomaly]) -> Suggestion:
    worst = max(group, key=lambda each: rank(each.severity))  # the first of the worst
    fingerprints = tuple(sorted(each.fingerprint for each in group))
    return Suggestion(
        id=suggestion_id(remedy, fingerprints),
        remedy=remedy,
        title=_title(remedy, worst, len(group)),
        place=worst.place,
        anomalies=fingerprints,
        severity=worst.severity,
        impact=IMPACT[worst.severity],
        effort=COSTS[remedy].effort,
        risk=risk_of(remedy, worst.severity),
        confidence=max(each.confidence for each in group),
    )


def _title(remedy: Remedy, worst: Anomaly, count: int) -> str:
    more = f" (and {count - 1} more in this file)" if count > 1 else ""
    title = f"{WHAT_TO_DO[remedy]}: {worst.message}{more}"
    return title if len(title) <= MESSAGE_LENGTH_MAX else f"{title[: MESSAGE_LENGTH_MAX - 1]}…"
