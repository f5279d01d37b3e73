"""What ruff offers to mend in some files, and the text of a file with some of it applied.

1. It is asked once about all of them, in a folder of their own, without any configuration.
2. Nothing is applied by it: edits are taken from its answer, so that of a file only what is meant
   is changed.
3. Edits that overlap make no text: of two ways to change one place nobody knows which was meant.
   What is put in at one place stands there one after the other, in the order of the findings.
4. What cannot be had, or is not understood, is offered by nobody.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.values.strict_json import JsonError, read
from integrations.review.lines import lines_of
from integrations.review.observers.observer import within
from integrations.review.running import OUTPUT_BYTES_MAX, ToolFailedError, python, run

LIMIT_S: Final = 60.0
SAFE: Final = "safe"
Spot = tuple[int, int]  # line and column, both from 1


@dataclass(frozen=True, slots=True)
class Edit:
    """One piece of text in the place of another."""

    start: Spot
    end: Spot
    text: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One finding of ruff, and how it would mend it."""

    rule: str
    start: Spot
    end: Spot
    edits: tuple[Edit, ...] = ()  # empty: it would not
    is_safe: bool = False  # as ruff grades it

    @property
    def line(self) -> int:
        """Return the line that it is told on."""
        return self.start[0]


def offers(sources: Mapping[str, str], rules: Iterable[str]) -> dict[str, list[Offer]]:
    """Return by file what ruff finds and would mend (1); nothing where it cannot say (4)."""
    if not sources:
        return {}
    options = ("--isolated", "--ignore-noqa", "--no-cache", "--exit-zero", "--quiet")
    selected = f"--select={','.join(sorted(set(rules)))}"
    found: dict[str, list[Offer]] = {}
    with tempfile.TemporaryDirectory(prefix="mandate-patch-") as folder:
        command = python("-m", "ruff", "check", *options, selected, "--output-format=json", ".")
        try:
            for path, text in sources.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="")
            ran = run(command, cwd=Path(folder), limit_s=LIMIT_S)
            for item in read(ran.out, bytes_max=OUTPUT_BYTES_MAX):
                path = within(Path(folder), item["filename"])
                found.setdefault(path, []).append(_offer(item))
        except (OSError, ToolFailedError, JsonError, KeyError, TypeError):
            return {}  # (4) nobody offers anything
    return found


def applied(source: str, edits: Iterable[Edit]) -> str | None:
    """Return ``source`` with the edits made; None where two of them overlap (3)."""
    text = lines_of(source)
    ordered = sorted(dict.fromkeys(edits), key=lambda each: (each.start, each.end))
    if any(one.end > other.start for one, other in itertools.pairwise(ordered)):
        return None
    # From the end, so that what is replaced moves nothing that is still to be found.
    for each in reversed(ordered):
        (row, column), (to_row, to_column) = each.start, each.end
        before = text[row - 1][: column - 1] if row <= len(text) else ""
        after = text[to_row - 1][to_column - 1 :] if to_row <= len(text) else ""
        text[row - 1 : to_row] = [before + each.text + after]
    return "".join(text)


def between(source: Sequence[str], start: Spot, end: Spot) -> str:
    """Return what stands between two places of one line; empty where that is none."""
    if start[0] != end[0] or not 0 < start[0] <= len(source):
        return ""
    return source[start[0] - 1][start[1] - 1 : end[1] - 1]


def _offer(item: Mapping[str, Any]) -> Offer:
    fix = item["fix"] or {"edits": (), "applicability": ""}
    edits = tuple(
        Edit(_spot(each["location"]), _spot(each["end_location"]), each["content"])
        for each in fix["edits"]
    )
    return Offer(
        rule=item["code"] or "",
        start=_spot(item["location"]),
        end=_spot(item["end_location"]),
        edits=edits,
        is_safe=fix["applicability"] == SAFE,
    )


def _spot(told: Mapping[str, int]) -> Spot:
    return told["row"], told["column"]
