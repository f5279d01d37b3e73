"""A ledger that somebody locks, and a folder that is away: done, seen, and undone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from integrations.chaos.files import FolderAway, LockedFile
from integrations.errors import UnavailableError


async def test_a_locked_file_takes_no_entry_until_that_is_undone(tmp_path):
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (n)")
        locked = LockedFile(path)
        await locked.strike()
        assert await locked.fired()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO t VALUES (1)")
        await locked.undo()
        await locked.undo()

        other.execute("INSERT INTO t VALUES (1)")


async def test_what_is_not_there_cannot_be_locked_and_is_not_made(tmp_path):
    with pytest.raises(UnavailableError):
        await LockedFile(tmp_path / "nothing.db").strike()

    assert list(tmp_path.iterdir()) == []


async def test_a_folder_is_away_and_comes_back_as_it_was(tmp_path):
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "a").write_text("kept")
    away = FolderAway(folder)
    await away.undo()  # harmless before it was done
    await away.strike()
    with pytest.raises(NotADirectoryError):
        (folder / "b").write_text("lost")
    assert await away.fired()
    await away.undo()
    await away.undo()

    assert (folder / "a").read_text() == "kept"
