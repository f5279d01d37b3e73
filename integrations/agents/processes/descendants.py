"""Everything that descends from one agent, as the keeper sees it, and its end.

Standard library only; runs in the keeper, to which the kernel hands every orphan.

1. Init of a PID namespace kills everything in it in one sweep. A subreaper walks the tree again
   and again instead, until nothing is left: processes start and end while it walks.
2. What will not die, because the kernel holds it, is counted and said; nobody waits for ever.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

KILL_S: Final = 2.0
_TICK_S: Final = 0.01
_INIT: Final = 1


class Descendants:
    """What descends from the agent."""

    def __init__(self, agent: int) -> None:
        self._agent = agent
        self.agent_status: int | None = None  # exit status, or minus the signal
        self.none_left = False

    def reap(self) -> None:
        """Take leave of the dead."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._agent:
                    self.agent_status = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            self.none_left = True

    def wait(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Reap until ``done`` or the time is up."""
        end = time.monotonic() + seconds
        self.reap()
        while not done():
            if time.monotonic() > end:
                return False
            time.sleep(_TICK_S)
            self.reap()
        return True

    def end_all(self) -> int:
        """Kill every descendant; return how many would not die in ``KILL_S`` (2)."""
        end = time.monotonic() + KILL_S
        self.reap()
        while not self.none_left and time.monotonic() < end:
            _kill_descendants()
            self.wait(_TICK_S, lambda: self.none_left)
        return 0 if self.none_left else len(list(descendants_of(os.getpid())))


def _kill_descendants() -> None:
    """Kill them all, once (1)."""
    if os.getpid() == _INIT:
        _kill(-1)  # everything in the namespace but init, in one atomic sweep
        return
    for pid in list(descendants_of(os.getpid())):
        _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def descendants_of(pid: int) -> Iterator[int]:
    """Yield the pid of all that descends from a process, as ``/proc`` names them."""
    pending = [pid]
    while pending:
        children = _children(pending.pop())
        pending += children
        yield from children


def _children(pid: int) -> list[int]:
    """Return what a process has started; what has ended meanwhile hides nothing of the rest."""
    found: list[int] = []
    with suppress(OSError):  # the process ended
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):  # the thread ended
                found += map(int, file.read_text().split())
    return found
