"""Whether SQLite finds the ledger's file sound: pages, indexes, and what the schema demands.

It says nothing of what was recorded (``integrations.ledger.verify``): most damage to entries it
does not see, and damage to an index of keys, which no chain covers, is seen here alone.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from integrations.ledger.errors import sqlite_faults
from integrations.ledger.store import open_reader


def health_of(path: Path) -> str:
    """Return ``ok``, or what is wrong first.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: it holds no ledger.
        UnavailableError: it cannot be read.
    """
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])


def notes_in(path: Path) -> int:
    """Return how many notes the file keeps beside its entries; errors as ``health_of``."""
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        return int(connection.execute("SELECT count(*) FROM checkpoint").fetchone()[0])
