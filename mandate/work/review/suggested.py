"""What is suggested, as a table for people, and its patches as one file for ``git apply``.

1. The file holds what was tried and did not fail; of one file of the repository the first in rank
   alone, since each was tried by itself. Whoever has applied it reviews again for what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dsl.review.suggestion import PatchTrial, Suggestion
from dsl.shown.surfaces import Terminal
from mandate.columns import columns

SHOWN_MAX: Final = 40
_WHAT_MAX: Final = 100  # characters
_PATCH: Final = {
    PatchTrial.NONE: "by hand",
    PatchTrial.UNTRIED: "patch, untried",
    PatchTrial.FAILED: "patch failed",
    PatchTrial.UNCHECKED: "patch, unchecked",
    PatchTrial.HELD: "patch held",
}


def listed(suggestions: Sequence[Suggestion]) -> Iterator[Terminal]:
    """Yield the suggestions as a table, the first in rank first."""
    if not suggestions:
        yield Terminal("nothing is suggested")
        return
    rows: list[tuple[str, ...]] = [
        ("SUGGESTION", "IMPACT", "RISK", "EFFORT", "SURE", "AUTO-FIX", "WHERE", "WHAT")
    ]
    rows += [_row(each) for each in suggestions[:SHOWN_MAX]]
    yield from columns(rows)
    if len(suggestions) > SHOWN_MAX:
        yield Terminal.of("… {} in all: --json shows them", len(suggestions))


def patch_of(suggestions: Sequence[Suggestion]) -> str:
    """Return the patches that can be applied together (1)."""
    chosen: dict[str, str] = {}
    for each in suggestions:
        if each.is_auto_fixable:
            chosen.setdefault(each.place.path, each.patch)
    return "".join(chosen.values())


def _row(each: Suggestion) -> tuple[str, ...]:
    line = f":{each.place.line}" if each.place.line else ""
    return (
        each.id,
        str(each.impact),
        each.risk.value,
        str(each.effort),
        f"{each.confidence:.2f}",
        _PATCH[each.trial],
        f"{each.place.path}{line}",
        each.title[:_WHAT_MAX],
    )
