"""One supervisor per data directory.

The lock is the kernel's (``flock``): it ends with the process that holds it, however that ends,
so a stale one cannot exist. The file names the holder only for the message to the second one.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from mandate.stack.errors import StackError
from mandate.stack.files import FILE_MODE

_NAME = "lock"


class DataDirLock:
    """Holds a data directory from ``__enter__`` to ``__exit__``."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StackError: another process holds it; the message names its pid.
        """
        descriptor = os.open(self._data_dir / _NAME, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StackError(
                f"data directory {self._data_dir} is in use by pid {holder}: "
                "stop that one, or give another --data-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back. The file stays: removing it would let two processes hold two."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1
