"""Entries of the ledger, by key, place, run or action; from the file, also while its writer runs.

What is returned hashes to what was recorded with it. That the chain around it is whole is for
``integrations.ledger.verify`` to find out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from dsl.rules.reconciliation.recorded import Recorded, entry_ms
from integrations.errors import CorruptError
from integrations.ledger.entries import Content, Entry, is_sound
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.store import open_reader
from integrations.ledger.verify import COLUMNS, SEGMENT, entry_of, tail

_BY_KEY: Final = f"SELECT {COLUMNS} FROM ledger WHERE idempotency_key = ?"  # noqa: S608  # constants
_OF_RUNS: Final = (
    "FROM ledger WHERE (workflow_id, run_id) IN (SELECT json_extract(value, '$[0]'), "
    "json_extract(value, '$[1]') FROM json_each(?)) ORDER BY seq LIMIT ?"
)
_OF_WORKFLOW: Final = (
    f"SELECT {COLUMNS} FROM ledger WHERE workflow_id = ? AND seq > ? AND seq < ? "  # noqa: S608  # constants
    "AND action IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT ?"
)
_UNDER: Final = (
    f"SELECT {COLUMNS} FROM ledger WHERE workflow_id >= ? AND workflow_id < ? "  # noqa: S608  # constants
    "AND action = ? ORDER BY seq DESC LIMIT ?"
)
_DISPUTES: Final = (
    f"SELECT {COLUMNS} FROM ledger WHERE action = 'run.disputed' ORDER BY seq DESC LIMIT ?"  # noqa: S608  # constants
)
_DISPUTE_OF: Final = (
    f"SELECT {COLUMNS} FROM ledger WHERE action = 'run.disputed' AND "  # noqa: S608  # constants
    "(json_extract(payload, '$.workflow'), json_extract(payload, '$.run')) IN (SELECT "
    "json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)) "
    "ORDER BY seq DESC LIMIT 1"
)
_NEWEST_DISPUTE: Final = "SELECT coalesce(max(seq), -1) FROM ledger WHERE action = 'run.disputed'"
_LATEST: Final = f"SELECT {COLUMNS} FROM ledger WHERE action = ? ORDER BY seq DESC LIMIT ?"  # noqa: S608  # constants
_NEWEST_RUN: Final = "SELECT run_id FROM ledger WHERE workflow_id = ? ORDER BY seq DESC LIMIT 1"
_BY_PLACE: Final = f"SELECT {COLUMNS} FROM ledger WHERE seq = ?"  # noqa: S608  # constants


def by_key(path: Path, key: str) -> Entry | None:
    """Return the entry with that key; None: nothing was recorded under it.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger, or the entry was altered.
        UnavailableError: the file cannot be read.
    """
    return _entry(path, _BY_KEY, key)


def by_place(path: Path, seq: int) -> Entry | None:
    """Return the entry at that place; None: there is none. Errors as ``by_key``."""
    return _entry(path, _BY_PLACE, seq)


def row_at(path: Path, seq: int) -> tuple[Any, ...] | None:
    """Return the columns of the entry at that place, as recorded; errors as ``by_key``."""
    row = _row(path, _BY_PLACE, seq)
    if row is not None:
        _sound(row)
    return row


def newest_run(path: Path, workflow: str) -> str:
    """Return whose entry of that workflow id is the newest; empty: it has none; as ``by_key``."""
    row = _row(path, _NEWEST_RUN, workflow)
    return "" if row is None else str(row[0])


def places_of(path: Path, runs: Sequence[tuple[str, str]], most: int) -> list[int]:
    """Return where the entries of these runs stand, each by its ids; errors as ``by_key``."""
    return [seq for (seq,) in _of_runs(path, "seq", runs, most)]


def of_runs(path: Path, runs: Sequence[tuple[str, str]], most: int) -> list[Recorded]:
    """Return the entries of these runs, each by its ids, as a stranger reads them.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    return [recorded(entry_of(row)) for row in _of_runs(path, COLUMNS, runs, most)]


def _of_runs(
    path: Path, columns: str, runs: Sequence[tuple[str, str]], most: int
) -> list[tuple[Any, ...]]:
    wanted = json.dumps([list(each) for each in runs])
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        query = f"SELECT {columns} {_OF_RUNS}"  # constants
        return connection.execute(query, (wanted, most)).fetchall()


def of_workflow(
    path: Path, workflow: str, actions: Sequence[str], most: int, *, after: int, before: int
) -> list[Entry]:
    """Return the latest entries of these actions of a workflow, whichever run's, newest first.

    Args:
        path: of the ledger's file.
        workflow: its id.
        actions: that count.
        most: of them are returned.
        after: entries up to this place are left out.
        before: and those from this place on.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    words = (workflow, after, before, json.dumps(list(actions)), most)
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        rows = connection.execute(_OF_WORKFLOW, words).fetchall()
    return [_sound(row) for row in rows]


def under(path: Path, folder: str, action: str, most: int) -> list[Entry]:
    """Return the latest entries of workflows whose ids begin with ``folder/``, newest first.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    words = (f"{folder}/", f"{folder}0", action, most)  # "0" is what follows "/"
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        rows = connection.execute(_UNDER, words).fetchall()
    return [_sound(row) for row in rows]


def newest_dispute(path: Path) -> int:
    """Return where the latest entry stands that says a run is in dispute; -1: there is none.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        return int(connection.execute(_NEWEST_DISPUTE).fetchone()[0])


def disputes(path: Path, most: int) -> list[Entry]:
    """Return the latest entries that say a run is in dispute, newest first.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        rows = connection.execute(_DISPUTES, (most,)).fetchall()
    return [_sound(row) for row in rows]


def dispute_of(path: Path, runs: Sequence[tuple[str, str]]) -> Entry | None:
    """Return the latest entry that says one of these runs is in dispute; as ``by_key``."""
    return _entry(path, _DISPUTE_OF, json.dumps([list(each) for each in runs]))


def entries_after(path: Path, seq: int) -> Iterator[Entry]:
    """Yield every entry that follows entry ``seq``, in order; -1: all there are.

    As they stand there: nothing is hashed. No reader stays meanwhile, which would keep the writer's
    log from being reset.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    while segment := tail(path, SEGMENT, after=seq):
        yield from segment
        seq = segment[-1].seq


def moment_ms(entry: Entry) -> int:
    """Return when an entry was recorded, in milliseconds since 1970; 0 where that is not told."""
    return entry_ms(recorded(entry))


def recorded(entry: Entry) -> Recorded:
    """Return an entry as a judge of ledgers takes it."""
    return Recorded(
        seq=entry.seq,
        ts=entry.ts,
        key=entry.key,
        workflow_id=entry.workflow_id,
        run_id=entry.run_id,
        agent=entry.agent,
        tier=entry.tier.name,
        action=entry.action,
        payload=entry.payload,
        prev_hash=entry.prev_hash,
        hash=entry.hash,
    )


def latest(path: Path, action: str, most: int) -> list[Entry]:
    """Return the latest entries of that action, the newest first; it reads the whole file.

    Raises:
        NotFoundError, CorruptError, UnavailableError: as ``by_key``.
    """
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        rows = connection.execute(_LATEST, (action, most)).fetchall()
    return [_sound(row) for row in rows]


def _entry(path: Path, question: str, value: str | int) -> Entry | None:
    row = _row(path, question, value)
    return None if row is None else _sound(row)


def _row(path: Path, question: str, value: str | int) -> tuple[Any, ...] | None:
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        row: tuple[Any, ...] | None = connection.execute(question, (value,)).fetchone()
    return row


def _sound(row: Sequence[Any]) -> Entry:
    """Return a row as an entry that hashes to what was recorded with it."""
    entry = entry_of(row)
    seq, ts, *columns, prev, digest = row
    if not is_sound(seq, ts, Content(*columns), prev, digest):
        raise CorruptError(f"entry {seq} was altered: verify the ledger")
    return entry
