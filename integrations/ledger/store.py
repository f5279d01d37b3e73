"""The ledger's file: made, opened, and recognised again.

It never repairs anything: a ledger that is not exactly ours is refused, and a person decides.
The rules:

1. A new ledger is made aside and moved into place. A file that exists is never initialised,
   so one that was emptied is refused instead of begun anew.
2. A write-ahead log without its ledger is refused: those are entries whose file is gone.
3. Tables, triggers and indexes are compared with the schema to the letter; one missing, one
   changed or one too many refuses the file. Only an index of ours may be missing, as in files of an
   older release: it says nothing that the table does not, and the writer makes it.
4. ``synchronous=FULL``: what is acknowledged survives a power cut. NORMAL loses it.
5. The path must still lead to the files that were opened, and they never get shorter. SQLite goes
   on writing into a deleted file, and into one that was cut off, and acknowledges every entry.
6. What a killed predecessor wrote may stand in memory only: it is synced before anything
   that relies on it is acknowledged.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from integrations.errors import CorruptError, NotFoundError, UnavailableError
from integrations.ledger.errors import sqlite_faults

SCHEMA: Final = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
BUSY_TIMEOUT_S: Final = 5.0  # nobody else should write; a backup may hold it for a moment

_FILE_MODE: Final = 0o600
_STATISTICS: Final = frozenset({"sqlite_stat1", "sqlite_stat4"})  # what ANALYZE leaves behind
_WAL_RESET_FIXED: Final = (3, 51, 3)
_PRAGMAS: Final = (
    "PRAGMA synchronous=FULL",  # (4) survives a power cut
    "PRAGMA recursive_triggers=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",
)


def open_ledger(path: Path) -> sqlite3.Connection:
    """Open the ledger for its one writer, and make it when there is none.

    The caller holds the ``WriterLock``. The connection may be used by one other thread.

    Raises:
        CorruptError: the file is not a ledger, or its schema was altered (1, 2, 3).
        UnavailableError: the file or its directory cannot be written.
    """
    try:
        if not path.exists():
            _create(path)
        elif path.stat().st_size == 0:  # (1) emptied: never begun anew
            raise CorruptError(f"{path} is empty, and a ledger never is: restore it")
    except OSError as error:
        raise UnavailableError(f"cannot open the ledger {path}: {error.strerror}") from error
    return open_existing(path)


def open_existing(path: Path) -> sqlite3.Connection:
    """Open the ledger that is there for its one writer; otherwise as ``open_ledger``."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        with sqlite_faults(f"open the ledger {path}"):
            _prepare(connection)
            _require_our_schema(connection, path)
            _make_indexes(connection)  # (3) those of a file of an older release
            _sync(wal_of(path))  # (6) before anything relies on it
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the ledger for reading, also while the writer runs; nothing can be written by it.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger.
        UnavailableError: the file cannot be read.
    """
    path = path.resolve()
    if not path.is_file():
        raise NotFoundError(
            f"there is no ledger at {path}: name its file by --ledger or MANDATE_LEDGER, or its "
            "stack by --data-dir"
        )
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    try:
        with sqlite_faults(f"read the ledger {path}"):
            connection.text_factory = _text
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA trusted_schema=OFF")
            _require_ledger(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def schema_problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return how the file's schema differs from ours; empty when it does not (3)."""
    expected = _expected_schema()
    found = _schema_of(connection)
    missing = expected.keys() - found.keys() - set(_indexes())
    return (
        *(f"{kind} {name} is missing" for kind, name in sorted(missing)),
        *(
            f"{kind} {name} is not ours, but of a later release or put there by hand"
            for kind, name in sorted(found.keys() - expected.keys())
        ),
        *(
            f"{kind} {name} was altered"
            for kind, name in sorted(expected.keys() & found.keys())
            if expected[kind, name] != found[kind, name]
        ),
    )


def wal_reset_warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """Return what to know of this SQLite, or None when there is nothing to know."""
    if version >= _WAL_RESET_FIXED:
        return None
    return (
        f"SQLite {'.'.join(map(str, version))}: never open the ledger for writing beside its "
        "writer; two connections that write at once can corrupt it (fixed in 3.51.3)"
    )


def wal_of(path: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of ``path``."""
    return path.with_name(f"{path.name}-wal")


class OpenFiles:
    """Remembers which files were opened under the ledger's path (5)."""

    def __init__(self, path: Path) -> None:
        self._paths = (path, wal_of(path))
        self._opened = [_look(each) for each in self._paths]

    def check(self) -> None:
        """Compare the files at the path with those that were opened.

        Raises:
            CorruptError: one was moved, deleted, replaced or cut off since.
        """
        found = [_look(each) for each in self._paths]
        if any(map(_is_another, self._opened, found)):
            raise CorruptError(
                f"the ledger {self._paths[0]} was moved, deleted or replaced under its writer"
            )
        if any(map(_is_cut_off, self._opened, found)):
            raise CorruptError(f"the ledger {self._paths[0]} was cut off under its writer")
        self._opened = found

    def may_be_closed(self) -> bool:
        """Tell whether closing the connection leaves alone what lies at the path now.

        SQLite does nothing to a file that was moved. Where only the log is gone, it writes what it
        still holds of it into the ledger.
        """
        (ledger, log), (ledger_now, log_now) = self._opened, [_look(each) for each in self._paths]
        if _is_another(ledger, ledger_now):
            return True
        return not _is_cut_off(ledger, ledger_now) and _is_another(log, log_now)


def fingerprint(path: Path) -> object:
    """Return what changes when the files at the path do, as far as that is seen from outside."""
    return [_look(path), _look(wal_of(path))]


@dataclass(frozen=True, slots=True)
class _Look:
    device: int
    inode: int
    size: int
    changed_ns: int


def _look(path: Path) -> _Look | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"cannot look at {path}: {error.strerror}") from error
    return _Look(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _is_another(before: _Look | None, now: _Look | None) -> bool:
    if before is None or now is None:
        return before is not now
    return (before.device, before.inode) != (now.device, now.inode)


def _is_cut_off(before: _Look | None, now: _Look | None) -> bool:
    return before is not None and now is not None and now.size < before.size


def _create(path: Path) -> None:
    log = wal_of(path)
    if log.exists() and log.stat().st_size > 0:  # (2) entries whose file is gone
        raise CorruptError(
            f"{path} is gone but {log.name} holds entries of it: restore the ledger beside it"
        )
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE))
    with (
        sqlite_faults(f"make the ledger {path}"),
        closing(sqlite3.connect(aside, isolation_level=None)) as connection,
    ):
        # A journal file that outlived a killed predecessor would be rolled into this one.
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(f"BEGIN IMMEDIATE;{SCHEMA}COMMIT;")
    aside.rename(path)  # (1) made aside, moved into place
    _sync(path.parent)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.text_factory = _text
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise UnavailableError(f"expected journal mode wal, got {mode}: use a local file system")
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _text(stored: bytes) -> str:
    # Bytes that are no UTF-8 must reach the check that refuses them, not end the reading.
    return stored.decode(errors="surrogateescape")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise UnavailableError(f"cannot sync {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _require_our_schema(connection: sqlite3.Connection, path: Path) -> None:
    problems = schema_problems(connection)
    if problems:
        raise CorruptError(f"{path} is not our ledger: {'; '.join(problems)}")  # (3) to the letter


def _require_ledger(connection: sqlite3.Connection, path: Path) -> None:
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'ledger'")
    if known.fetchone() is None:
        raise CorruptError(f"{path} is not a ledger: it has no table of that name")


def _schema_of(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    return {
        (kind, name): (table, sql) for kind, name, table, sql in rows if name not in _STATISTICS
    }


def _make_indexes(connection: sqlite3.Connection) -> None:
    known = _schema_of(connection)
    for name, sql in _indexes().items():
        if name not in known:
            connection.execute(sql)


@cache
def _indexes() -> dict[tuple[str, str], str]:
    """Return what makes each index that stands in the schema by itself."""
    expected = _expected_schema().items()
    return {name: sql for name, (_, sql) in expected if name[0] == "index" and sql is not None}


@cache
def _expected_schema() -> dict[tuple[str, str], tuple[str, str | None]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return _schema_of(connection)
