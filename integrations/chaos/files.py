"""What can be done to files of ours: a ledger that somebody locks, a folder that is away."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from integrations.chaos.fault import Fault
from integrations.errors import UnavailableError

LOCK_WAIT_S: Final = 5.0
_AWAY: Final = ".away"


class LockedFile(Fault):
    """Somebody holds the write lock of an SQLite file: nobody else can append to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._was_locked = False

    async def strike(self) -> None:
        """Take the lock, and write nothing under it."""
        self._connection = await asyncio.to_thread(self._lock)
        self._was_locked = True

    async def fired(self) -> bool:
        """Tell whether it was held."""
        return self._was_locked

    async def undo(self) -> None:
        """Let go of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.to_thread(_let_go, connection)

    def _lock(self) -> sqlite3.Connection:
        if not self._path.is_file():
            raise UnavailableError(f"there is no ledger {self._path} to be locked")
        connection = sqlite3.connect(
            self._path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            connection.close()
            raise UnavailableError(f"cannot lock {self._path}: {error}") from error
        return connection


def _let_go(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        connection.execute("ROLLBACK")
    connection.close()


class FolderAway(Fault):
    """A folder is not there, and cannot be made: a file has taken its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._away = folder.with_name(folder.name + _AWAY)
        self._was_away = False

    async def strike(self) -> None:
        """Move it aside."""
        if not self._folder.is_dir() or self._away.exists():
            raise UnavailableError(f"{self._folder} is no folder that can be moved aside")
        self._folder.rename(self._away)
        self._folder.touch()
        self._was_away = True

    async def fired(self) -> bool:
        """Tell whether it was away."""
        return self._was_away

    async def undo(self) -> None:
        """Put it back."""
        if self._away.is_dir():
            if self._folder.is_file():
                self._folder.unlink()
            self._away.rename(self._folder)
