"""What may be touched: processes that were started for an experiment, its loopback addresses.

1. A process is ours where it has a mark of ours in its arguments or descends from one that has; a
   pid alone says nothing, because pids are used again. So its start is remembered with it, and
   looked at again before every signal.
2. An address is ours where it is of the loopback interface and its port was given out by us.
3. Whoever asks for something else is refused, before anything is done.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from integrations.agents.processes.descendants import descendants_of
from integrations.agents.processes.liveness import started
from integrations.chaos.fault import NotOursError

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_STATE: Final = 0  # field of /proc/<pid>/stat behind the name
_STOPPED: Final = ("T", "t")


@dataclass(frozen=True, slots=True)
class OwnTarget:
    """A process of ours, as it was when it was looked up."""

    pid: int
    since: str

    @property
    def is_alive(self) -> bool:
        """Tell whether it still runs, and not another under its pid."""
        return started(self.pid) == self.since

    @property
    def is_stopped(self) -> bool:
        """Tell whether every thread of it stands still."""
        try:
            threads = [*Path(f"/proc/{self.pid}/task").iterdir()]
            states = [(each / "stat").read_text().rpartition(")")[2].split() for each in threads]
        except OSError:
            return False
        return bool(states) and all(fields[_STATE] in _STOPPED for fields in states)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal.

        Raises:
            NotOursError: it is gone; its pid may be somebody else's by now (1).
        """
        if not self.is_alive:
            raise NotOursError(f"process {self.pid} is not the one that was looked up any more")
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            raise NotOursError(f"process {self.pid} has ended meanwhile") from None


class OwnProcesses:
    """The processes that bear a mark, and what descends from them."""

    def __init__(self, mark: str) -> None:
        """Know them by ``mark``, a path of ours that stands in their arguments."""
        if not mark.startswith("/"):
            raise ValueError(f"expected an absolute path as the mark of processes, got {mark!r}")
        self._mark = mark.encode()

    def target(self, pid: int) -> OwnTarget:
        """Return the process as a target.

        Raises:
            NotOursError: it is not ours, or has ended (3).
        """
        since = started(pid)
        if since is None:
            raise NotOursError(f"process {pid} has ended")
        if not self._is_ours(pid):
            raise NotOursError(
                f"process {pid} was not started for this experiment: nothing is done to it"
            )
        return OwnTarget(pid, since)

    def marked(self) -> list[int]:
        """Return the processes that bear the mark, in order."""
        found = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
        return sorted(pid for pid in found if self._bears_it(pid))

    def holder(self, file: Path) -> OwnTarget:
        """Return the process with the mark that has ``file`` open.

        Raises:
            NotOursError: there is none.
        """
        for pid in self.marked():
            if _has_open(pid, file):
                return self.target(pid)
        raise NotOursError(f"no process of this experiment has {file} open")

    def _is_ours(self, pid: int) -> bool:
        if self._bears_it(pid):
            return True
        return any(pid in descendants_of(each) for each in self.marked())

    def _bears_it(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return pid != os.getpid() and self._mark in words


def _has_open(pid: int, file: Path) -> bool:
    try:
        wanted = file.stat()
        held = [each.stat() for each in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # it has ended, or is closing one
        return False
    return any((each.st_dev, each.st_ino) == (wanted.st_dev, wanted.st_ino) for each in held)


def own_address(url: str, ports: Iterable[int]) -> tuple[str, int]:
    """Return host and port of ``url``, which is one of ours (2).

    Raises:
        NotOursError: it is not (3).
    """
    parts = urlsplit(url if "://" in url else f"tcp://{url}")
    known = sorted(ports)
    if parts.hostname not in LOOPBACK or parts.port not in known:
        raise NotOursError(
            f"{url} is no address of this experiment (loopback, ports {known}): nothing is done "
            "to it"
        )
    return "127.0.0.1", parts.port
