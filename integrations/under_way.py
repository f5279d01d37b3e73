"""What a worker process has under way, for the one that comes after it: attempts, credentials.

What a dead worker has left is noticed from afar, later: an attempt by a heartbeat that fails to
come, a credential by a sweep. Whoever is started on the same machine can know at once. The rules:

1. A line when something begins, a line when it has ended, in one file for each worker process.
   Nothing is synced: what a machine has forgotten with its power is noticed from afar.
2. A file is read when its process is gone, by whoever takes it first. A process is told by its pid
   and the moment it started. Taking is renaming it to a file of one's own, so what was taken by
   somebody who is gone as well is read by the next; and it stays until all of it is noted as one's
   own. Nothing is lost at whatever moment one is killed: at worst it is read twice.
3. Its name says of what it is, as of one queue of one server: workers of others leave it alone.
4. What nobody has taken for a day is swept away: it has ended long ago, or been given up.
5. It is a shortcut. What cannot be written or read changes nothing but the time that is waited.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from integrations.agents.processes.liveness import make_private, refuse_stranger, started
from integrations.errors import DeniedError

BYTES_MAX: Final = 4 << 20  # then what is under way is written anew
KEPT_S: Final = 86_400.0
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_ANEW: Final = ".anew"
_DIGITS: Final = 16  # of a digest, as names hold it


class UnderWay:
    """What this process has under way of one kind, and what those had that are gone.

    It may be asked from several threads.
    """

    def __init__(self, kind: str, scope: str, parent: Path | None = None) -> None:
        """Prepare it; ``scope`` names whose it is, as server, namespace and queue (3)."""
        self._folder = (parent or Path(tempfile.gettempdir())) / f"mandate-{kind}-{os.getuid()}"
        self._scope = _digest(scope)
        self._open: int | None = None
        self._written = 0
        self._next = 0
        self._pending: dict[int, str] = {}
        self._one_at_a_time = threading.RLock()

    def begin(self, what: bytes) -> int:
        """Note that something has begun; return its number here."""
        return self._begin(what)[0]

    def end(self, number: int) -> None:
        """Note that it has ended."""
        with self._one_at_a_time:
            del self._pending[number]
            self._write(f"-{number}\n")

    def take_left(self) -> dict[int, bytes]:
        """Take over what was under way in workers that are gone (2): it is under way here now.

        Returns:
            what that is, by its number here.
        """
        left: dict[int, bytes] = {}
        with suppress(OSError, DeniedError):  # (5) a shortcut: may fail
            refuse_stranger(self._folder)
            for file in sorted(self._folder.iterdir()):
                if not file.name.startswith(f"{self._scope}-") or not _is_gone(file):
                    _sweep(file)
                    continue
                taken = self._file().with_name(f"{self._file().name}.{_digest(file.name)}")
                with suppress(FileNotFoundError):  # somebody else was there first
                    file.rename(taken)
                    left.update(self._taken_over(taken))
        return left

    def _taken_over(self, file: Path) -> dict[int, bytes]:
        """Note all that is in ``file`` as under way here, and remove it once that is done (2)."""
        noted = {self._begin(what): what for what in _read(file)}
        if all(is_written for _, is_written in noted):
            file.unlink()
        return {number: what for (number, _), what in noted.items()}

    def close(self) -> None:
        """Remove the file: a process that ends in order leaves nothing."""
        if self._open is not None:
            os.close(self._open)
            self._file().unlink(missing_ok=True)
        self._open = None

    def _begin(self, what: bytes) -> tuple[int, bool]:
        """Note that something has begun; return its number, and whether that is written."""
        with self._one_at_a_time:
            self._next += 1
            self._pending[self._next] = text = base64.b64encode(what).decode()
            return self._next, self._write(f"+{self._next} {text}\n")

    def _write(self, line: str) -> bool:
        with suppress(OSError, DeniedError):  # (5) a shortcut: may fail
            if self._open is None:
                make_private(self._folder)
                self._open = os.open(self._file(), _FLAGS, 0o600)
            if self._written + len(line) > BYTES_MAX:
                self._write_anew()
                return True
            self._written += (wrote := os.write(self._open, line.encode()))
            return wrote == len(line)
        return False

    def _write_anew(self) -> None:
        """Write what is under way beside the file, and put that in its place (2)."""
        lines = "".join(f"+{number} {text}\n" for number, text in self._pending.items())
        beside = self._file().with_name(f"{self._file().name}{_ANEW}")
        beside.unlink(missing_ok=True)
        with ExitStack() as opened:  # it is tried again with each line: none may stay open
            fresh = os.open(beside, _FLAGS, 0o600)
            opened.callback(os.close, fresh)
            if os.write(fresh, lines.encode()) < len(lines):
                raise OSError(f"{beside} cannot be written whole")
            beside.rename(self._file())
            opened.pop_all()
        old, self._open = self._open, fresh
        self._written = len(lines)
        if old is not None:
            os.close(old)

    def _file(self) -> Path:
        pid = os.getpid()
        return self._folder / f"{self._scope}-{pid}-{started(pid)}"


def _sweep(file: Path) -> None:
    """Remove what is too old (4), unless it is of a process that lives."""
    with suppress(FileNotFoundError):
        if time.time() - file.stat().st_mtime > KEPT_S and _is_gone(file):
            file.unlink()


def _is_gone(file: Path) -> bool:
    _, _, whose = file.name.partition("-")
    pid, _, since = whose.partition(".")[0].partition("-")
    return pid.isdigit() and started(int(pid)) != since


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


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
