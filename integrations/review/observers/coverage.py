"""Functions that no test runs, says a report that the repository holds already.

1. A report is data: ``coverage.xml``, ``coverage.json`` or ``.coverage``. No test is run for it.
2. Told is a function of some size of which not one line was run, in a file of which some were: a
   file that the report does not know may never have been measured.
3. A report older than the code tells of other lines: where it is older than a file, that file is
   left out, with a note.
4. A database of strangers computes nothing for us: tables are read and no view, what it gives is
   looked at before it is used, and reading it has limits of time, of a value and of lines in all.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.values.strict_json import JsonError, read
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene, is_test
from integrations.review.snapshot import FILE_BYTES_MAX

REPORT_BYTES_MAX: Final = 32 << 20
STATEMENTS_MIN: Final = 3
LARGE: Final = 15  # statements of a function that is worse to leave untested
TOOL: Final = "coverage"
_DECLARATION: Final = re.compile(rb"<!(ENTITY|DOCTYPE\s+[^>]*\[)", re.IGNORECASE)
_BITS: Final = 8
NUMBITS_MAX: Final = FILE_BYTES_MAX // _BITS + 1  # a file has no more lines than bytes
LINES_MAX: Final = 4_000_000  # that a report tells of
QUERY_LIMIT_S: Final = 20.0
STEPS: Final = 10_000  # of the database, between two looks at the clock
PARTS_MAX: Final = 16  # of the end of a path, by which a report may name a file

Lines = dict[str, set[int]]  # of each file, those that were run


def _observe(scene: Scene, seen: Observation) -> None:
    snapshot = scene.snapshot
    name = next((each for each in _READERS if each in snapshot.others), None)
    if name is None:
        seen.notes.append("coverage: there is no report of coverage here, so no gaps are told")
        return
    data = snapshot.read(name, REPORT_BYTES_MAX)
    if data is None:
        seen.notes.append(f"coverage: {name} is larger than is read, or cannot be read")
        return
    try:
        lines = _READERS[name](data, scene)
    except (ValueError, KeyError, TypeError, AttributeError, sqlite3.Error) as error:
        seen.notes.append(f"coverage: {name} cannot be read: {error}")
        return
    _tell(scene, lines, snapshot.root / name, seen)


def _tell(scene: Scene, lines: Lines, report: Path, seen: Observation) -> None:
    made = report.lstat().st_mtime
    older = []
    named = _Names(scene.snapshot.files)
    by_path = {path: ran for told, ran in lines.items() if (path := named.meant(told))}
    for path in scene.parsed:
        ran = by_path.get(path)
        if not ran or is_test(path):
            continue  # (2) may never have been measured
        if (scene.snapshot.root / path).lstat().st_mtime > made:
            older.append(path)  # (3) tells of other lines
            continue
        for name, line, body in scene.outlines[path].bodies:
            if len(body) >= STATEMENTS_MIN and not ran.intersection(body):
                seen.sightings.append(_gap(path, name, line, len(body)))
    if older:
        shown = ", ".join(older[:3])
        seen.notes.append(f"coverage: the report is older than {len(older)} files: {shown}")


def _gap(path: str, name: str, line: int, statements: int) -> Sighting:
    return Sighting(
        kind=AnomalyKind.COVERAGE_GAP,
        severity=AnomalySeverity.MEDIUM if statements >= LARGE else AnomalySeverity.LOW,
        confidence=0.9,
        path=path,
        line=line,
        message=f"no test runs {name}, {statements} statements",
        tool=TOOL,
        rule="never-run",
        symbol=name,
    )


class _Names:
    """The files that a report may mean: it names them from wherever it was made."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = frozenset(files)
        self._by_end: dict[str, str] = {}
        for path in files:
            for end in _ends(path):
                if len(path) > len(self._by_end.get(end, "")):
                    self._by_end[end] = path

    def meant(self, told: str) -> str:
        """Return the file that is meant; empty: none."""
        told = told.replace("\\", "/")
        if told in self._files:
            return told
        shorter = next((end for end in _ends(told) if end in self._files), "")
        return self._by_end.get(told, shorter)  # the longest that fits


def _ends(path: str) -> Iterator[str]:
    """Yield the ends of a path that begin where a part of it does, the longest first."""
    parts = path.split("/")
    for start in range(max(1, len(parts) - PARTS_MAX), len(parts)):
        yield "/".join(parts[start:])


def _of_xml(data: bytes, _: Scene) -> Lines:
    if b"\0" in data:
        raise ValueError("it is not UTF-8, so what it declares cannot be told")
    if _DECLARATION.search(data):
        raise ValueError("it declares entities, which no report does")
    try:
        root = ET.fromstring(data)  # noqa: S314 - entities are refused above
    except ET.ParseError as error:
        raise ValueError(str(error)) from None
    found: Lines = {}
    for each in root.iter("class"):
        ran = found.setdefault(each.attrib["filename"], set())
        ran |= {int(line.attrib["number"]) for line in each.iter("line") if line.get("hits") != "0"}
    return found


def _of_json(data: bytes, _: Scene) -> Lines:
    try:
        told = read(data, bytes_max=REPORT_BYTES_MAX)
    except JsonError as error:
        raise ValueError(str(error)) from None
    return {path: set(each["executed_lines"]) for path, each in told["files"].items()}


def _of_database(data: bytes, scene: Scene) -> Lines:
    """Read coverage's own file; of a copy, since a database of strangers is not opened in place."""
    copy = scene.scratch / "coverage.db"
    copy.write_bytes(data)
    found: Lines = {}
    left, ends = LINES_MAX, time.monotonic() + QUERY_LIMIT_S
    with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as database:
        # (4) limits of time, and of a value
        database.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, FILE_BYTES_MAX)
        database.execute("PRAGMA trusted_schema = OFF")
        _require_tables(database)
        query = "SELECT path, numbits FROM line_bits JOIN file ON file.id = file_id"
        for path, bits in database.execute(query):
            # (4) looked at before it is used
            if not isinstance(path, str) or not isinstance(bits, bytes) or len(bits) > NUMBITS_MAX:
                raise ValueError("its lines are not told as coverage tells them")
            lines = found.setdefault(path, set())
            before = len(lines)
            lines.update(_lines_of(bits))
            left -= len(lines) - before
            if left < 0 or time.monotonic() > ends:
                raise ValueError(f"it takes more than {LINES_MAX} lines, or {QUERY_LIMIT_S:.0f} s")
    return found


def _require_tables(database: sqlite3.Connection) -> None:
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
    if not {"line_bits", "file"} <= {name for (name,) in database.execute(tables)}:  # (4) no view
        raise ValueError("it has not the tables of coverage")


def _lines_of(bits: bytes) -> Iterator[int]:
    for at, byte in enumerate(bits):
        for bit in range(_BITS):
            if byte & 1 << bit:
                yield at * _BITS + bit


_READERS: Final = {"coverage.json": _of_json, "coverage.xml": _of_xml, ".coverage": _of_database}
COVERAGE: Final = Observer("coverage", _observe)
