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
   hash chain shows neither. A head that was noted elsewhere does, and so does a checkpoint that an
   anchor holds, when they are handed over.
6. The root is computed from what the entries hash to now, and compared at the size of every
   checkpoint.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from dsl.core import Tier
from dsl.limits import LEDGER_PAYLOAD_BYTES_MAX, PROBLEMS_MAX
from dsl.rules.ledger.merkle import Peaks
from dsl.rules.ledger.note import Checkpoint
from dsl.values.json_shapes import JsonShapes
from integrations.errors import CorruptError
from integrations.ledger.entries import (
    GENESIS,
    Entry,
    entry_bytes,
    is_canonical,
    leaf_hash,
    read_payload,
)
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.noted import NotedHead
from integrations.ledger.store import open_reader, schema_problems

SEGMENT: Final = 5_000  # entries read per transaction (4)
TAIL_MAX: Final = 10_000  # entries

_BEFORE_ALL: Final = -(1 << 63)
_FORM: Final = (int, *[str] * 8, bytes, bytes)
_ACTION: Final = 7  # columns
_PAYLOAD: Final = 8
_CONTENT: Final = slice(2, 9)  # a ``Content``, but for its name: half of what making one takes
_PREV: Final = 9
_HASH: Final = 10
COLUMNS: Final = (
    "seq, ts, idempotency_key, workflow_id, run_id, agent, tier, action, payload, prev_hash, hash"
)
_FROM: Final = f"SELECT {COLUMNS} FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608  # constants
_LENGTH: Final = "SELECT coalesce(max(seq), -1) + 1 FROM ledger"
_LAST: Final = f"SELECT {COLUMNS} FROM ledger ORDER BY seq DESC LIMIT ?"  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class Report:
    """What the verification found; the ledger is sound when ``problems`` is empty."""

    entries: int
    head: str  # hash of the last entry, hexadecimal; zeros when there is none
    problems: tuple[str, ...]  # the first ``PROBLEMS_MAX``
    sqlite_version: str
    root: str = ""  # over all entries, hexadecimal (6)


@dataclass(frozen=True, slots=True)
class HeldCheckpoint:
    """A checkpoint that the ledger is to hold, and who says so."""

    by: str
    checkpoint: Checkpoint


def verify(
    path: Path,
    noted: NotedHead | None = None,
    held: Sequence[HeldCheckpoint] = (),
    on_entries: Callable[[int], object] = lambda _: None,
) -> Report:
    """Check the ledger at ``path`` from its first entry to its last, and that it holds ``noted``.

    Args:
        path: the file.
        noted: a head that it must hold.
        held: checkpoints that it must hold.
        on_entries: hears now and then how many entries were checked.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger at all.
        UnavailableError: the file cannot be read.
    """
    with closing(open_reader(path)) as connection:
        walk = _Walk(noted, held)
        try:
            with sqlite_faults("read on"):
                walk.add(schema_problems(connection))  # (3) tables and triggers are ours
                for segment in _segments(connection):
                    walk.take(segment)
                    on_entries(walk.entries)
                walk.add(walk.missing())
        except CorruptError as error:
            walk.add([f"after entry {walk.seq}: {error}"])
    return Report(
        entries=walk.entries,
        head=walk.hash.hex(),
        problems=tuple(walk.problems),
        sqlite_version=sqlite3.sqlite_version,
        root=walk.tree.root().hex(),
    )


def length(path: Path) -> int:
    """Return how many entries the ledger claims to have; errors as ``tail``."""
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        return int(connection.execute(_LENGTH).fetchone()[0])


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

    def __init__(self, noted: NotedHead | None, held: Sequence[HeldCheckpoint]) -> None:
        self._noted = noted
        self._held: dict[int, list[HeldCheckpoint]] = defaultdict(list)
        for each in held:
            self._held[each.checkpoint.size].append(each)
        self.seq = -1
        self.hash = GENESIS
        self.entries = 0
        self.tree = Peaks()
        self.problems: list[str] = []
        self._payloads = JsonShapes(is_canonical, LEDGER_PAYLOAD_BYTES_MAX)
        self._compare(0)

    def take(self, rows: Sequence[Sequence[Any]]) -> None:
        """Check the next entries; go on after a problem, from what is stored."""
        seq, before, plant, wanted = self.seq, self.hash, self.tree.add, self._held
        has_shape = self._payloads.accept
        for row in rows:
            if tuple(map(type, row)) != _FORM:
                self.add([f"entry {row[0]} has not the form of an entry"])
                seq = row[0] if isinstance(row[0], int) else seq
                self.entries += 1
                continue
            place, prev, digest = row[0], row[_PREV], row[_HASH]
            leaf = _leaf(place, row[1], row[_CONTENT], prev)
            if (
                place != seq + 1
                or prev != before
                or leaf != digest
                or not has_shape(row[_ACTION], row[_PAYLOAD])  # (2) one reading
            ):
                self.add(_problems(row, seq, before, leaf))
            seq, before = place, digest
            plant(leaf)
            self.entries += 1
            if self.entries in wanted:
                self._compare(self.entries)
            if self._noted is not None and seq == self._noted.seq:
                self._compare_head(self._noted, digest)
        self.seq, self.hash = seq, before

    def missing(self) -> Iterator[str]:
        """Say that the ledger ends before what was noted or signed (5)."""
        if self._noted is not None and self.seq < self._noted.seq:
            yield (
                f"the ledger ends at entry {self.seq}, and entry {self._noted.seq} was noted as "
                "its head: its end was cut off"
            )
        for size in sorted(size for size in self._held if size > self.entries):
            for each in self._held[size]:
                yield (
                    f"the ledger has {self.entries} entries, and {each.by} has signed {size}: "
                    "its end was cut off"
                )

    def add(self, problems: Iterable[str]) -> None:
        """Keep what was found, up to the limit."""
        room = PROBLEMS_MAX - len(self.problems)
        self.problems += islice(problems, room)

    def _compare(self, size: int) -> None:
        for each in self._held.get(size, ()):
            if each.checkpoint.root != self.tree.root():  # (5) a hash chain does not show it
                self.add(
                    [
                        f"the first {size} entries are not those that {each.by} has signed: "
                        "they were written anew"
                    ]
                )

    def _compare_head(self, noted: NotedHead, digest: bytes) -> None:
        if digest.hex() != noted.hash:  # (5) a hash chain does not show it
            self.add(
                [f"entry {noted.seq} is not the one whose hash was noted: it was written anew"]
            )


def _leaf(seq: int, ts: str, content: Sequence[str], prev: bytes) -> bytes:
    try:
        return leaf_hash(entry_bytes(seq, ts, content, prev))
    except ValueError:  # bytes that are no text: nothing that was ever recorded
        return b""


def _problems(row: Sequence[Any], before: int, hash_before: bytes, leaf: bytes) -> Iterator[str]:
    seq, action, payload, prev, digest = row[0], row[_ACTION], row[_PAYLOAD], row[_PREV], row[_HASH]
    if seq != before + 1:
        yield f"entry {before + 1} is missing: the next one is {seq}"
    if prev != hash_before:
        yield f"entry {seq} does not name the hash of the entry before it"
    if leaf != digest:
        yield f"entry {seq} ({action}) does not hash to what was recorded with it"
    if not is_canonical(payload):
        # (2) one reading
        yield f"entry {seq} ({action}) has a payload that is not canonical"


def _segments(connection: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    last = _BEFORE_ALL
    while rows := _segment(connection, last):  # (4) in segments
        yield rows
        last = rows[-1][0]


def _segment(connection: sqlite3.Connection, last: int) -> list[tuple[Any, ...]]:
    """Read some entries; as plain text where all of it is, which takes half as long."""
    lenient, connection.text_factory = connection.text_factory, str
    try:
        return connection.execute(_FROM, (last, SEGMENT)).fetchall()
    except sqlite3.OperationalError:  # bytes that are no text, or a file that cannot be read
        connection.text_factory = lenient
        return connection.execute(_FROM, (last, SEGMENT)).fetchall()
    finally:
        connection.text_factory = lenient


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
