"""What a worker process has under way, for the one that comes after it: attempts, credentials.

What a dead worker has left is noticed from afar, later: an attempt by a heartbeat that fails to
come, a credential by a sweep. Whoever is started on the same machine can know at once. The rules:

1. A line when something begins, a line when it has ended, in one file for each worker process.
   Nothing is synced: what a machine has forgotten with its power is noticed from afar.
2. A file is read when its process is gone, by whoever takes it first. A process is told by its pid
   and the moment it started.
3. Its name says of what it is, as of one queue of one server: workers of others leave it alone.
4. What nobody has taken for a day is swept away: it has ended long ago, or been given up.
5. It is a shortcut. What cannot be written or read changes nothing but the time that is waited.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from integrations.agents.processes.liveness import make_private, refuse_stranger, started
from integrations.errors import DeniedError

BYTES_MAX: Final = 4 << 20  # then what is under way is written anew
KEPT_S: Final = 86_400.0
_TAKEN: Final = ".taken"


class UnderWay:
    """What this process has under way of one kind, and what those had that are gone."""

    def __init__(self, kind: str, scope: str, parent: Path | None = None) -> None:
        """Prepare it; ``scope`` names whose it is, as server, namespace and queue (3)."""
        self._folder = (parent or Path(tempfile.gettempdir())) / f"mandate-{kind}-{os.getuid()}"
        self._scope = hashlib.sha256(scope.encode()).hexdigest()[:16]
        self._open: int | None = None
        self._written = 0
        self._next = 0
        self._pending: dict[int, str] = {}

    def begin(self, what: bytes) -> int:
        """Note that something has begun; return its number here."""
        self._next += 1
        self._pending[self._next] = text = base64.b64encode(what).decode()
        self._write(f"+{self._next} {text}\n")
        return self._next

    def end(self, number: int) -> None:
        """Note that it has ended."""
        del self._pending[number]
        self._write(f"-{number}\n")

    def take_left(self) -> list[bytes]:
        """Return what was under way in workers that are gone, each once (2)."""
        left: list[bytes] = []
        with suppress(OSError, DeniedError):  # (5) a shortcut: may fail
            refuse_stranger(self._folder)
            for file in sorted(self._folder.iterdir()):
                if not file.name.startswith(f"{self._scope}-") or not _is_gone(file):
                    _sweep(file)
                    continue
                taken = file.with_name(f"{file.name}{_TAKEN}-{os.getpid()}")
                with suppress(FileNotFoundError):  # somebody else was there first
                    file.rename(taken)
                    left += _read(taken)
                    taken.unlink()
        return left

    def close(self) -> None:
        """Remove the file: a process that ends in order leaves nothing."""
        if self._open is not None:
            os.close(self._open)
            self._file().unlink(missing_ok=True)
        self._open = None

    def _write(self, line: str) -> None:
        with suppress(OSError, DeniedError):  # (5) a shortcut: may fail
            if self._open is None:
                make_private(self._folder)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
                self._open = os.open(self._file(), flags, 0o600)
            if self._written + len(line) > BYTES_MAX:
                os.ftruncate(self._open, 0)
                line = "".join(f"+{number} {text}\n" for number, text in self._pending.items())
                self._written = 0
            self._written += os.write(self._open, line.encode())

    def _file(self) -> Path:
        pid = os.getpid()
        return self._folder / f"{self._scope}-{pid}-{started(pid)}"


def _sweep(file: Path) -> None:
    """Remove what is too old (4), unless it is of a process that lives."""
    with suppress(FileNotFoundError):
        if time.time() - file.stat().st_mtime > KEPT_S and (_TAKEN in file.name or _is_gone(file)):
            file.unlink()


def _is_gone(file: Path) -> bool:
    _, _, whose = file.name.partition("-")
    pid, _, since = whose.partition("-")
    return _TAKEN not in since and pid.isdigit() and started(int(pid)) != since


def _read(file: Path) -> list[bytes]:
    pending: dict[str, bytes] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        number, _, text = line[1:].partition(" ")
        if line.startswith("+"):
            with suppress(ValueError):  # it died in the middle of a line
                pending[number] = base64.b64decode(text, validate=True)
        else:
            pending.pop(number, None)
    return list(pending.values())
