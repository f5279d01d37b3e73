"""What stands where in the files of a snapshot, read in a process of its own.

A file that takes the process along is found by halving, so that it costs itself and no other. A
smaller part has less time, and all of it together an end: what is left then is told as not read.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dsl.values.strict_json import JsonError, read
from integrations.review.running import Ran, ToolFailedError, python, run
from integrations.review.snapshot import Snapshot

BATCH: Final = 400  # files of one process
LIMIT_S: Final = 60.0  # for a batch
LIMIT_S_MIN: Final = 5.0  # for a part of one
ALL_LIMIT_S: Final = 300.0
CHILDREN: Final = Path(__file__).parent / "children"
_CHILD: Final = CHILDREN / "outline.py"
_BYTES_MAX: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Outline:
    """One file; ``error`` says why nothing is known of it."""

    path: str
    error: str = ""
    error_line: int = 0
    lines: int = 0
    scopes: tuple[tuple[int, int, str], ...] = ()  # first and last line, name; outer before inner
    bodies: tuple[tuple[str, int, tuple[int, ...]], ...] = ()  # name, line, lines of statements
    notes: tuple[tuple[int, str], ...] = ()
    guarded: frozenset[int] = frozenset()  # lines of imports that the code can live without
    deferred: frozenset[int] = frozenset()  # lines of imports within functions
    taken: frozenset[str] = frozenset()  # what it takes from modules, as ``module.name``
    renamed: Mapping[str, str] = field(default_factory=dict)  # imports by other names
    probed: frozenset[str] = frozenset()  # names of which it finds out whether they are there
    lent: frozenset[int] = frozenset()  # lines of functions that others call by themselves
    empty: tuple[tuple[int, str, bool], ...] = ()  # tests: line, name, whether it calls anything

    def symbol_at(self, line: int) -> str:
        """Return the name of the innermost function or class around a line."""
        at = bisect.bisect_right(self.scopes, (line, float("inf"), ""))
        for first, last, name in reversed(self.scopes[:at]):
            if first <= line <= last:
                return name
        return ""


Outlines = Mapping[str, Outline]


def outlined(snapshot: Snapshot) -> dict[str, Outline]:
    """Return the outline of every Python file, by its path."""
    found: dict[str, Outline] = {}
    files = snapshot.files
    ends = time.monotonic() + ALL_LIMIT_S
    for start in range(0, len(files), BATCH):
        found.update(_batch(snapshot.copy, files[start : start + BATCH], ends))
    return found


def _batch(copy: Path, files: Sequence[str], ends: float) -> dict[str, Outline]:
    left = ends - time.monotonic()
    if left <= 0:
        return {each: Outline(each, "no time was left to read it", 1) for each in files}
    limit_s = min(left, max(LIMIT_S_MIN, LIMIT_S * len(files) / BATCH))
    given = "\n".join(files).encode()
    why = "the parser ends without an answer"
    try:
        ran = run(python(str(_CHILD)), cwd=copy, limit_s=limit_s, given=given)
        if ran.status == 0:
            return {each.path: each for each in _read_all(ran)}
    except (ToolFailedError, JsonError, KeyError, TypeError) as error:
        why = str(error)
    if len(files) == 1:
        return {files[0]: Outline(files[0], why, 1)}
    half = len(files) // 2
    return {**_batch(copy, files[:half], ends), **_batch(copy, files[half:], ends)}


def _read_all(ran: Ran) -> list[Outline]:
    return [_outline(read(line, bytes_max=_BYTES_MAX)) for line in ran.out.splitlines()]


def _outline(told: Any) -> Outline:
    if "error" in told:
        return Outline(told["path"], told["error"], told["line"])
    return Outline(
        path=told["path"],
        lines=told["lines"],
        scopes=tuple((first, last, name) for first, last, name in sorted(told["scopes"])),
        bodies=tuple((name, line, tuple(lines)) for name, line, lines in told["bodies"]),
        notes=tuple((line, text) for line, text in told["notes"]),
        guarded=frozenset(told["guarded"]),
        lent=frozenset(told["lent"]),
        deferred=frozenset(told["deferred"]),
        taken=frozenset(told["taken"]),
        renamed=told["renamed"],
        probed=frozenset(told["probed"]),
        empty=tuple((line, name, calls) for line, name, calls in told["empty"]),
    )
