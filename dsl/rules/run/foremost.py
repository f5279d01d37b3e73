"""Which stages of a run a board shows where not all of them fit.

What went wrong comes first, then what waits for people, then what is at work; what is done or has
yet to begin is counted. Within each, the order is that of the document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from dsl.core import StageStatus

_FIRST: Final = (
    StageStatus.FAILED,
    StageStatus.REJECTED,
    StageStatus.REVOKED,
    StageStatus.CANCELLED,
    StageStatus.WAITING,
    StageStatus.RUNNING,
)

Rows = Mapping[str, Mapping[str, str]]  # by path; each has a ``status``


def foremost(rows: Rows, limit: int) -> tuple[str, ...]:
    """Return the paths of at most ``limit`` stages; all, in their order, where all fit."""
    if len(rows) <= limit:
        return tuple(rows)
    ranked = (
        path for status in _FIRST for path, row in rows.items() if row.get("status") == status
    )
    return tuple(path for path, _ in zip(ranked, range(limit), strict=False))


def counted(rows: Rows) -> tuple[tuple[int, StageStatus], ...]:
    """Return how many stages there are of each status that occurs."""
    counts = Counter(row.get("status") for row in rows.values())
    return tuple((counts[each.value], each) for each in StageStatus if counts[each.value])
