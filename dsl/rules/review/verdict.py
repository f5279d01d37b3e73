"""What of a review counts: new, known already, or suppressed by the repository itself.

1. Known is what the baseline holds, by fingerprint. Known anomalies are told as a number only.
2. A suppression counts to the end of its day. From then on what it covered counts again, and it is
   told that it has expired: nobody's excuse lasts for ever.
3. A suppression that covers nothing is told, so that it can go.
4. Only what is new, and not suppressed, can fail a review.
5. In a path ``*`` stands for anything within a folder's name or a file's, ``**`` for folders.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from dsl.review.anomaly import Anomaly, AnomalySeverity
from dsl.review.suppression import Suppression
from dsl.rules.review.severity import at_least


@dataclass(frozen=True, slots=True)
class ReviewVerdict:
    """The anomalies of a review by what becomes of them, each list the worst first."""

    new: tuple[Anomaly, ...]
    known: tuple[Anomaly, ...]
    suppressed: tuple[tuple[Anomaly, Suppression], ...]
    expired: tuple[Suppression, ...]
    idle: tuple[Suppression, ...]

    def fails(self, fail_on: AnomalySeverity | None) -> bool:
        """Tell whether something new is as bad as ``fail_on``, or worse (4)."""
        return fail_on is not None and any(at_least(each.severity, fail_on) for each in self.new)


def judged(
    anomalies: Iterable[Anomaly],
    known: Collection[str],
    suppressions: Sequence[Suppression],
    today: date,
) -> ReviewVerdict:
    """Return what becomes of each anomaly."""
    valid = [each for each in suppressions if today <= each.until]  # (2) to the end of its day
    fresh: list[Anomaly] = []
    before: list[Anomaly] = []
    covered: list[tuple[Anomaly, Suppression]] = []
    for anomaly in anomalies:
        by = next((each for each in valid if covers(each, anomaly)), None)
        if by is not None:
            covered.append((anomaly, by))
        elif anomaly.fingerprint in known:  # (1) by fingerprint
            before.append(anomaly)
        else:
            fresh.append(anomaly)
    busy = {id(by) for _, by in covered}
    return ReviewVerdict(
        new=tuple(fresh),
        known=tuple(before),
        suppressed=tuple(covered),
        expired=tuple(each for each in suppressions if each.until < today),
        idle=tuple(each for each in valid if id(each) not in busy),  # (3) it can go
    )


def covers(suppression: Suppression, anomaly: Anomaly) -> bool:
    """Tell whether all that a suppression says holds of an anomaly."""
    return (
        suppression.kind in (None, anomaly.kind)
        and suppression.rule in (None, anomaly.rule)
        and suppression.fingerprint in (None, anomaly.fingerprint)
        and (suppression.path is None or _matches(suppression.path, anomaly.place.path))
    )


def _matches(pattern: str, path: str) -> bool:
    """Compare part by part, so that no pattern takes long (5)."""
    return _parts_match(pattern.split("/"), path.split("/"))


def _parts_match(patterns: Sequence[str], parts: Sequence[str]) -> bool:
    reached = {0}  # how many of the patterns may be used up before the next part
    for part in parts:
        now = set()
        for at in _over_stars(reached, patterns):
            if at < len(patterns) and patterns[at] == "**":
                now.add(at)
            elif at < len(patterns) and _part_matches(patterns[at], part):
                now.add(at + 1)
        reached = now
    return len(patterns) in _over_stars(reached, patterns)


def _over_stars(reached: Iterable[int], patterns: Sequence[str]) -> set[int]:
    """Return the places reached where ``**`` may stand for nothing."""
    found = set()
    for start in reached:
        at = start
        found.add(at)
        while at < len(patterns) and patterns[at] == "**":
            at += 1
            found.add(at)
    return found


def _part_matches(pattern: str, part: str) -> bool:
    words = re.sub(r"\*+", "*", pattern).split("*")
    if len(words) == 1:
        return pattern == part
    if not part.startswith(words[0]) or not part[len(words[0]) :].endswith(words[-1]):
        return False
    at, end = len(words[0]), len(part) - len(words[-1])
    for word in words[1:-1]:
        at = part.find(word, at, end)
        if at < 0:
            return False
        at += len(word)
    return at <= end
