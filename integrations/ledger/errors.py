"""The ways the ledger says no, and what the errors of SQLite mean to a caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from integrations.errors import CorruptError, DeniedError, UnavailableError

_PRIMARY_CODE: Final = 0xFF  # an extended result code carries the primary one in its low byte
_MAY_PASS: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)


class InvalidDraftError(DeniedError):
    """The ledger does not take such an entry, now or ever."""


class IdempotencyMismatchError(CorruptError):
    """The same key came twice with different content: somebody's story has changed."""


@contextmanager
def sqlite_faults(doing: str) -> Iterator[None]:
    """Translate what SQLite raises while ``doing`` something.

    Raises:
        UnavailableError: the disk, the file's permissions or another program are in the way.
        CorruptError: the file is no ledger, or not the one that was written.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            raise  # not the file's fault but ours
        reason = f"cannot {doing}: {error} ({error.sqlite_errorname})"
        if code & _PRIMARY_CODE in _MAY_PASS:
            raise UnavailableError(
                f"{reason}; free the disk or the file, then try again"
            ) from error
        raise CorruptError(f"{reason}; stop, and verify the ledger") from error
