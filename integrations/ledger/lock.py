"""One writer per ledger.

The lock is the kernel's (``flock``): it ends with the process that holds it, however that
ends, so a stale one cannot exist. The file names the holder only for the message to the
second one, and it stays: removing it would let two processes hold two locks.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from integrations.errors import ConflictError, UnavailableError

_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700
_PID_BYTES_MAX: Final = 32


class WriterLock:
    """Holds the right to write to ``path`` until closed."""

    def __init__(self, path: Path) -> None:
        """Take the lock; a missing directory is made, for its owner alone.

        Raises:
            ConflictError: another writer holds it; the message names its pid.
            UnavailableError: the lock file cannot be opened.
        """
        place = path.with_name(f"{path.name}.lock")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._descriptor = os.open(place, flags, _FILE_MODE)
        except OSError as error:
            raise UnavailableError(f"cannot open the lock {place}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, _PID_BYTES_MAX, 0).decode("ascii", "replace")
            os.close(self._descriptor)
            raise ConflictError(
                f"the ledger {path} has a writer already, pid {holder.strip() or 'unknown'}: "
                "stop that one, or give this one another file"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Give the lock back."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
