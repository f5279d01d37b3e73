"""Which findings a review that comes again does not open: those that were answered once.

1. Answered is what a council has decided, and where it asked people, what people have said, yes or
   no. A gate that nobody has answered in time has answered nothing: the next review asks again.
2. What is known then is told by the stage that suggests: what it was told and has seen again, and
   what it has put before the council. A finding that goes and comes back is a new one.
3. What cannot be read is not known: a finding is rather opened twice than never.
4. A finding is known by the first ``DIGITS`` of its fingerprint, and at most ``KNOWN_MAX`` are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

DIGITS: Final = 16
KNOWN_MAX: Final = 10_000
GATE: Final = "council"  # of the shipped pipeline
SUGGESTER: Final = "suggest"
_APPROVED: Final = "approved"
_SHORT: Final = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


def short(fingerprint: str) -> str:
    """Return what a finding is known by (4)."""
    return fingerprint[:DIGITS]


def known_in(told: Any) -> tuple[str, ...]:
    """Return the findings in a list of them; none where it is no such list (3)."""
    if not isinstance(told, list | tuple) or len(told) > KNOWN_MAX:
        return ()
    if not all(isinstance(each, str) and _SHORT.fullmatch(each) for each in told):
        return ()
    return tuple(sorted(set(told)))


def known_of(before: Iterable[str], seen: Iterable[str], put: Iterable[str]) -> tuple[str, ...]:
    """Return what is known from now on (2), of fingerprints ``seen`` and ``put`` to a council."""
    again = set(before) & set(map(short, seen))
    return tuple(sorted(again | set(map(short, put)))[:KNOWN_MAX])


def known_after(report: Any) -> tuple[str, ...] | None:
    """Return what is known after a run; None: it was not answered (1)."""
    if not isinstance(report, Mapping):
        return None
    approvals = report.get("approvals")
    rows = approvals if isinstance(approvals, list | tuple) else ()
    if not any(isinstance(each, Mapping) and _is_answered(each) for each in rows):
        return None
    stages = report.get("stages")
    stage = stages.get(SUGGESTER) if isinstance(stages, Mapping) else None
    output = stage.get("output") if isinstance(stage, Mapping) else None
    return known_in(output.get("known")) if isinstance(output, Mapping) else ()


def _is_answered(row: Mapping[str, Any]) -> bool:
    return row.get("gate") == GATE and (row.get("verdict") == _APPROVED or bool(row.get("votes")))
