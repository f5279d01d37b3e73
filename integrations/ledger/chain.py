"""Appending to the chain: one transaction for many calls.

Knows nothing of threads or files. The rules:

1. A call is a unit: all of its entries stand or none does. A call that contradicts the ledger
   fails alone; the others of the batch do not notice.
2. The same key with the same content was recorded before: its receipt is given again. With
   other content it is refused.
3. Who else wrote to the file, wrote what this process has not read: nothing is appended until
   it was read, see ``integrations.ledger.opened``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Final, TypeAlias

from integrations.errors import CorruptError
from integrations.ledger.entries import GENESIS, Content, Receipt, entry_bytes, leaf_hash
from integrations.ledger.errors import IdempotencyMismatchError, sqlite_faults

Call: TypeAlias = Sequence[Content]
Outcome: TypeAlias = tuple[Receipt, ...] | IdempotencyMismatchError
Head: TypeAlias = tuple[int, bytes]  # sequence number and hash of the last entry
_Known: TypeAlias = dict[str, tuple[Receipt, Content]]

# Each statement hands the interpreter's lock over once; one row at a time is clearly slower.
_ROWS_PER_INSERT: Final = 64
_COLUMNS: Final = 11
_HEAD: Final = "SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1"
_KNOWN: Final = (
    "SELECT seq, hash, ts, idempotency_key, workflow_id, run_id, agent, tier, action, payload "
    "FROM ledger WHERE idempotency_key IN (SELECT value FROM json_each(?))"
)
_INSERT: Final = (
    "INSERT INTO ledger (seq, ts, idempotency_key, workflow_id, run_id, agent, tier, action, "
    "payload, prev_hash, hash) VALUES "
)
_KEEP: Final = (
    "INSERT INTO checkpoint (size, root, note) SELECT ?, ?, ? "
    "WHERE ? > (SELECT coalesce(max(size), -1) FROM checkpoint)"
)


class Chain:
    """Appends batches to an open ledger."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.head = _read_head(connection)

    def commit(self, calls: Sequence[Call]) -> list[Outcome]:
        """Append ``calls`` in one transaction; when this returns they are on disk.

        Raises:
            UnavailableError: nothing was appended; trying again may help.
            CorruptError: nothing was appended; the file is not what this process left (3).
        """
        with sqlite_faults("append to the ledger"):
            # A deferred transaction would fail at once on a busy file instead of waiting.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                batch = _Batch(self._checked_head(), self._recorded(calls))
                outcomes = [batch.add(call) for call in calls]
                self._insert(batch.rows)
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the cause is told; a full disk rolls back itself
                    self._connection.execute("ROLLBACK")
                raise
        self.head = batch.head
        return outcomes

    def keep(self, size: int, root: bytes, note: str) -> None:
        """Keep a signed note beside the entries; harmless when repeated, or when one is newer.

        Raises:
            UnavailableError: it was not kept; trying again may help.
            CorruptError: likewise, and the file is at fault.
        """
        with sqlite_faults("keep a checkpoint of the ledger"):
            self._connection.execute(_KEEP, (size, root, note, size))

    def _checked_head(self) -> Head:
        head = _read_head(self._connection)
        if head != self.head:
            raise CorruptError(
                f"another program wrote to the ledger: it ended at entry {self.head[0]} and "
                f"now ends at {head[0]}"
            )  # (3) written by somebody else
        return head

    def _recorded(self, calls: Iterable[Call]) -> _Known:
        keys = json.dumps([content.key for call in calls for content in call])
        return {
            content[0]: (Receipt(seq, digest.hex(), ts), Content(*content))
            for seq, digest, ts, *content in self._connection.execute(_KNOWN, (keys,))
        }

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> None:
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            some = rows[start : start + _ROWS_PER_INSERT]
            self._connection.execute(
                _insert_rows(len(some)), [value for row in some for value in row]
            )


class _Batch:
    """The rows of one transaction, built in memory so that a refused call leaves no trace."""

    def __init__(self, head: Head, known: _Known) -> None:
        self.head = head
        self.rows: list[tuple[object, ...]] = []
        self._known = known
        self._ts = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def add(self, call: Call) -> Outcome:
        """Place the entries of one call, or none of them (1)."""
        seq, prev = self.head
        rows: list[tuple[object, ...]] = []
        fresh: _Known = {}
        receipts = []
        for content in call:
            receipt, recorded = fresh.get(content.key) or self._known.get(content.key) or _NEW
            if receipt is None:
                seq += 1
                digest = leaf_hash(entry_bytes(seq, self._ts, content, prev))
                rows.append((seq, self._ts, *content, prev, digest))
                receipt, prev = Receipt(seq, digest.hex(), self._ts), digest
                fresh[content.key] = receipt, content
            elif recorded != content:  # (2) other content under the key
                return IdempotencyMismatchError(
                    f"key {content.key!r} stands at entry {receipt.seq} with other content: "
                    "one fact has one key, and a fact does not change"
                )
            receipts.append(receipt)
        self.head = seq, prev
        self.rows += rows
        self._known |= fresh
        return tuple(receipts)


_NEW: Final = (None, None)


def _read_head(connection: sqlite3.Connection) -> Head:
    return connection.execute(_HEAD).fetchone() or (-1, GENESIS)


@cache
def _insert_rows(count: int) -> str:
    row = f"({','.join('?' * _COLUMNS)})"
    return _INSERT + ",".join([row] * count)
