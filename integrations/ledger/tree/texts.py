"""Entries as their canonical texts, which are what was hashed: for whoever takes them elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from integrations.errors import CorruptError
from integrations.ledger.entries import Content, entry_bytes, leaf_hash
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.store import open_reader
from integrations.ledger.verify import COLUMNS, entry_of

_FROM: Final = f"SELECT {COLUMNS} FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608  # constants


def texts_from(path: Path, after: int, n: int) -> list[str]:
    """Return the canonical texts of the first ``n`` entries behind entry ``after``.

    Raises:
        CorruptError: one of them is not what was recorded.
        UnavailableError: the file cannot be read.
    """
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        rows = connection.execute(_FROM, (after, n)).fetchall()
    texts = []
    for seq, row in enumerate(rows, start=after + 1):
        entry_of(row)
        place, ts, *columns, prev, digest = row
        text = entry_bytes(place, ts, Content(*columns), prev)
        if place != seq or leaf_hash(text) != digest:
            raise CorruptError(f"entry {seq} is missing or was altered: verify the ledger")
        texts.append(text.decode())
    return texts
