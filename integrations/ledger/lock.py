"""One writer per ledger.

The lock is the kernel's (``flock``): it ends with the process that holds it, however that
ends, so a stale one cannot exist. The file names the holder only for the message to the
second one, and for ``mandate doctor``: its pid, which file it opened, and why it records nothing,
where it does not. It stays: removing it would let two processes hold two locks.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from integrations.errors import ConflictError, UnavailableError

_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700
_BYTES_MAX: Final = 4_096


class WriterLock:
    """Holds the right to write to ``path`` until closed."""

    def __init__(self, path: Path) -> None:
        """Take the lock; a missing directory is made, for its owner alone.

        Raises:
            ConflictError: another writer holds it; the message names its pid.
            UnavailableError: the lock file cannot be opened.
        """
        self._place = _place_of(path)
        self._opened = ""
        self._why = ""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._descriptor = os.open(self._place, flags, _FILE_MODE)
        except OSError as error:
            raise UnavailableError(
                f"cannot open the lock {self._place}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, _BYTES_MAX, 0).decode("ascii", "replace")
            os.close(self._descriptor)
            raise ConflictError(
                f"the ledger {path} has a writer already, pid {_first(holder) or 'unknown'}: "
                "stop that one, or give this one another file"
            ) from None
        self._write()

    def opened(self, path: Path) -> None:
        """Note which file was opened at ``path``."""
        self._opened = _identity(path)
        self._write()

    def note(self, why: str) -> bool:
        """Note why nothing is recorded, empty where all is; return whether it said so already."""
        if why == self._why:
            return True
        self._why = why
        self._write()
        return False

    def is_in_place(self) -> bool:
        """Tell whether another writer would meet this lock."""
        status = os.fstat(self._descriptor)
        return _identity(self._place) == f"{status.st_dev}:{status.st_ino}"

    def close(self) -> None:
        """Give the lock back. Harmless when repeated."""
        if self._descriptor < 0:
            return
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1

    def _write(self) -> None:
        text = f"{os.getpid()}\n{self._opened}\n{self._why}\n".encode()[:_BYTES_MAX]
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


def writer_of(path: Path) -> int | None:
    """Return the pid of the writer that runs, as far as this machine sees it; None: there is none.

    Takes no lock, which would keep a writer from starting.
    """
    return _noted(path.resolve())[0]


def trouble_of_writer(path: Path) -> str | None:
    """Return why the writer that runs records nothing, or will not; None: there is no reason.

    Takes no lock, which would keep a writer from starting.
    """
    path = path.resolve()
    pid, opened, why = _noted(path)
    if pid is None:
        return None
    if why:
        return f"its writer, pid {pid}, says: {why}"
    if opened and _identity(path) != opened:
        return (
            f"its writer, pid {pid}, has another file open than the one at this path: it was "
            "moved, deleted or replaced. Put the file back, with its log, or a copy of all of it"
        )
    return None


def _noted(path: Path) -> tuple[int | None, str, str]:
    """Return what the writer that runs has noted: its pid, the file it opened, and why not."""
    try:
        words = _place_of(path).read_text("utf-8", "replace")[:_BYTES_MAX]
    except OSError:
        return None, "", ""
    pid, _, rest = words.partition("\n")
    opened, _, why = rest.partition("\n")
    if not pid.isdecimal() or not Path(f"/proc/{pid}").exists():
        return None, "", ""
    return int(pid), opened, why.strip()


def _place_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _identity(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "none"
    return f"{status.st_dev}:{status.st_ino}"


def _first(text: str) -> str:
    return text.partition("\n")[0].strip()
