"""Reading the ledger as a stranger: verify the whole chain, or look at its end.

Never writes an entry, never needs the writer, and works while it runs. (On a ledger at rest
SQLite leaves two empty files beside it, as it does for every reader.) The rules:

1. Every entry is hashed again from its columns and compared with its own hash, the entry
   before it, and its place in the sequence.
2. Every payload must be in canonical form: what is hashed has one reading.
3. Tables and triggers must be ours.
4. The file is read in segments, because a reader that stays blocks the writer's log from
   being reset.
5. A shorter ledger is a valid ledger, and so is one that was written anew from some entry on: a
   hash chain shows neither. A head that was noted elsewhere does, when it is handed over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from dsl.core import Tier
from dsl.limits import PROBLEMS_MAX
from integrations.errors import CorruptError
from integrations.ledger.entries import (
    GENESIS,
    Content,
    Entry,
    is_canonical,
    is_sound,
    read_payload,
)
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.noted import NotedHead
from integrations.ledger.store import open_reader, schema_problems

SEGMENT: Final = 5_000  # entries read per transaction (4)
TAIL_MAX: Final = 10_000  # entries

_BEFORE_ALL: Final = -(1 << 63)
_FORM: Final = (int, *[str] * 8, bytes, bytes)
COLUMNS: Final = (
    "seq, ts, idempotency_key, workflow_id, run_id, agent, tier, action, payload, prev_hash, hash"
)
_FROM: Final = f"SELECT {COLUMNS} FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608  # constants
_LAST: Final = f"SELECT {COLUMNS} FROM ledger ORDER BY seq DESC LIMIT ?"  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class Report:
    """What the verification found; the ledger is sound when ``problems`` is empty."""

    entries: int
    head: str  # hash of the last entry, hexadecimal; zeros when there is none
    problems: tuple[str, ...]  # the first ``PROBLEMS_MAX``
    sqlite_version: str


def verify(path: Path, noted: NotedHead | None = None) -> Report:
    """Check the ledger at ``path`` from its first entry to its last, and that it holds ``noted``.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger at all.
        UnavailableError: the file cannot be read.
    """
    with closing(open_reader(path)) as connection:
        walk = _Walk(noted)
        try:
            with sqlite_faults("read on"):
                walk.add(schema_problems(connection))  # (3) tables and triggers are ours
                for segment in _segments(connection):
                    walk.take(segment)
                walk.add(walk.missing())
        except CorruptError as error:
            walk.add([f"after entry {walk.seq}: {error}"])
    return Report(
        entries=walk.entries,
        head=walk.hash.hex(),
        problems=tuple(walk.problems),
        sqlite_version=sqlite3.sqlite_version,
    )


def tail(path: Path, n: int, after: int | None = None) -> list[Entry]:
    """Return the last ``n`` entries, or the first ``n`` that follow entry ``after``; in order.

    Raises:
        ValueError: ``n`` is not within 1 and ``TAIL_MAX``.
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger, or an entry cannot be read as one.
        UnavailableError: the file cannot be read.
    """
    if not 1 <= n <= TAIL_MAX:
        raise ValueError(f"expected 1 to {TAIL_MAX} entries, got {n}")
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        if after is None:
            rows = connection.execute(_LAST, (n,)).fetchall()[::-1]
        else:
            rows = connection.execute(_FROM, (after, n)).fetchall()
    return [entry_of(row) for row in rows]


class _Walk:
    """Where the verification stands."""

    def __init__(self, noted: NotedHead | None) -> None:
        self._noted = noted
        self.seq = -1
        self.hash = GENESIS
        self.entries = 0
        self.problems: list[str] = []

    def take(self, rows: Sequence[Sequence[Any]]) -> None:
        """Check the next entries; go on after a problem, from what is stored."""
        for row in rows:
            self.entries += 1
            if not _has_form(row):
                self.add([f"entry {row[0]} has not the form of an entry"])
                self.seq = row[0] if isinstance(row[0], int) else self.seq
                continue
            self.add(self._problems(row))
            self.seq, self.hash = row[0], row[-1]

    def missing(self) -> Iterator[str]:
        """Say that the ledger ends before the head that was noted (5)."""
        if self._noted is not None and self.seq < self._noted.seq:
            yield (
                f"the ledger ends at entry {self.seq}, and entry {self._noted.seq} was noted as "
                "its head: its end was cut off"
            )

    def add(self, problems: Iterable[str]) -> None:
        """Keep what was found, up to the limit."""
        room = PROBLEMS_MAX - len(self.problems)
        self.problems += islice(problems, room)

    def _problems(self, row: Sequence[Any]) -> Iterator[str]:
        seq, ts, *columns, prev, digest = row
        content = Content(*columns)
        if seq != self.seq + 1:
            yield f"entry {self.seq + 1} is missing: the next one is {seq}"
        if prev != self.hash:
            yield f"entry {seq} does not name the hash of the entry before it"
        if not is_sound(seq, ts, content, prev, digest):
            yield f"entry {seq} ({content.action}) does not hash to what was recorded with it"
        if not is_canonical(content.payload):
            # (2) one reading
            yield f"entry {seq} ({content.action}) has a payload that is not canonical"
        if self._noted is not None and seq == self._noted.seq and digest.hex() != self._noted.hash:
            # (5) a hash chain does not show it
            yield f"entry {seq} is not the one whose hash was noted: it was written anew"


def _segments(connection: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    last = _BEFORE_ALL
    while rows := connection.execute(_FROM, (last, SEGMENT)).fetchall():  # (4) in segments
        yield rows
        last = rows[-1][0]


def _has_form(row: Sequence[Any]) -> bool:
    return tuple(map(type, row)) == _FORM


def entry_of(row: Sequence[Any]) -> Entry:
    """Return a row of ``COLUMNS`` as an entry; whether it is sound is not looked at.

    Raises:
        CorruptError: it cannot be read as one.
    """
    seq, ts, key, workflow_id, run_id, agent, tier, action, payload, prev, digest = row
    if not _has_form(row):
        raise CorruptError(f"entry {seq} has not the form of an entry: verify the ledger")
    try:
        return Entry(
            seq=seq,
            ts=ts,
            key=key,
            workflow_id=workflow_id,
            run_id=run_id,
            agent=agent,
            tier=Tier[tier],
            action=action,
            payload=read_payload(payload),
            prev_hash=prev.hex(),
            hash=digest.hex(),
        )
    except (ValueError, KeyError) as error:
        raise CorruptError(f"entry {seq} cannot be read ({error}): verify the ledger") from error
