"""Which anomaly it is, so that the next review knows it again.

1. A fingerprint covers kind, rule, file, symbol and mark. Neither the line nor the message is
   in it: lines move with every edit above, and messages hold counts and columns.
2. White space in a mark means nothing: who formats a file has found nothing new.
3. Of several that are alike in all of (1) each has its number, in the order of lines. Where one of
   them goes, the last number goes: so many as before are known.
4. Two tools that see the same thing on the same line, of the same kind, are one anomaly: the
   worse, then the surer, then the first by name of the tool.
5. What is quoted is cut to the limits of an anomaly, never refused: a tool that says too much has
   still found something.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Final

from dsl.limits import (
    EVIDENCE_LENGTH_MAX,
    MESSAGE_LENGTH_MAX,
    REVIEWED_PATH_LENGTH_MAX,
    SYMBOL_LENGTH_MAX,
)
from dsl.review.anomaly import Anomaly, AnomalyPlace
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.rules.review.severity import rank, worst_first
from dsl.values.canonical import canonical

_DIGITS: Final = 32
# Of these kinds two tools see one thing in two ways; of others two rules on a line are two things.
_SEEN_TWICE: Final = frozenset({AnomalyKind.UNREADABLE, AnomalyKind.DEAD_CODE, AnomalyKind.DEFECT})


def named(sightings: Iterable[Sighting]) -> list[Anomaly]:
    """Return the anomalies that were seen, each once, the worst first."""
    seen = sorted(_once(sightings), key=lambda each: (each.path, each.line, each.tool, each.rule))
    alike: Counter[str] = Counter()
    anomalies = []
    for each in seen:
        identity = _identity(each)
        alike[identity] += 1
        anomalies.append(_anomaly(each, _hashed(f"{identity}#{alike[identity]}")))  # (3) its number
    return worst_first(anomalies)


def _once(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Return one of those that are the same thing (4)."""
    kept: dict[tuple[object, ...], Sighting] = {}
    for each in sightings:
        what = "" if each.kind in _SEEN_TWICE and each.line else each.rule
        key = (
            each.kind,
            each.path,
            each.line,
            what,
            *(() if not what else (each.symbol, each.mark)),
        )
        kept[key] = min(kept.get(key, each), each, key=_preferred)
    return list(kept.values())


def _preferred(each: Sighting) -> tuple[object, ...]:
    return (-rank(each.severity), -each.confidence, each.tool, each.rule)


def _identity(each: Sighting) -> str:
    # (1) neither the line nor the message; (2) white space means nothing
    mark = " ".join(each.mark.split())
    words = [each.kind.value, each.rule, each.path, each.symbol, mark]
    return canonical([word.encode("utf-8", "replace").decode() for word in words])


def _hashed(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]


def _anomaly(each: Sighting, fingerprint: str) -> Anomaly:
    return Anomaly(
        kind=each.kind,
        severity=each.severity,
        confidence=each.confidence,
        place=AnomalyPlace(
            path=_cut(each.path, REVIEWED_PATH_LENGTH_MAX) or ".",
            line=each.line,
            symbol=_cut(each.symbol, SYMBOL_LENGTH_MAX),
        ),
        message=_cut(each.message, MESSAGE_LENGTH_MAX) or each.rule,
        evidence=_cut(each.evidence, EVIDENCE_LENGTH_MAX),
        tool=each.tool,
        rule=each.rule,
        fingerprint=fingerprint,
    )


def _cut(text: str, most: int) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[: most - 1] + "…"  # (5) cut, never refused
