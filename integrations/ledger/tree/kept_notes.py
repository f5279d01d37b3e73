"""The notes that a ledger's file keeps beside its entries: for proofs, and no evidence themselves.

Whoever can write to the file can take them out or bring older ones back. An anchor shows it.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from integrations.ledger.errors import sqlite_faults
from integrations.ledger.store import open_reader

_ALL: Final = "SELECT size, note FROM checkpoint WHERE size >= ? ORDER BY size"
_NEWEST: Final = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"
NOTES_MAX: Final = 1_000_000


def kept_notes(path: Path, least: int = 0) -> list[tuple[int, str]]:
    """Return every note of at least ``least`` entries, with the size it stands under.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: it holds no ledger.
        UnavailableError: it cannot be read.
    """
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        return connection.execute(_ALL, (least,)).fetchmany(NOTES_MAX)


def newest_note(path: Path) -> str | None:
    """Return the newest note; None: none was kept yet. Errors as ``kept_notes``."""
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        row = connection.execute(_NEWEST).fetchone()
    return None if row is None else str(row[0])
