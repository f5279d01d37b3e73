"""What can be done to a process of ours: killed, stopped, kept from writing."""

from __future__ import annotations

import resource
import signal

from integrations.chaos.fault import Fault, seen
from integrations.chaos.own import OwnTarget


class Death(Fault):
    """``kill -9``: it ends in the midst of what it does. Whoever watches it starts another."""

    def __init__(self, target: OwnTarget) -> None:
        self._target = target

    async def strike(self) -> None:
        """Kill it."""
        self._target.signal(signal.SIGKILL)

    async def fired(self) -> bool:
        """Tell whether it is gone."""

        async def is_gone() -> bool:
            return not self._target.is_alive

        return await seen(is_gone)


class Standstill(Fault):
    """SIGSTOP: it is there, holds what it holds, and answers nobody; undone by SIGCONT."""

    def __init__(self, target: OwnTarget) -> None:
        self._target = target
        self._was_stopped = False

    async def strike(self) -> None:
        """Stop it."""
        self._target.signal(signal.SIGSTOP)

    async def fired(self) -> bool:
        """Tell whether all of its threads stand still."""

        async def stands_still() -> bool:
            return self._target.is_stopped

        self._was_stopped = self._was_stopped or await seen(stands_still)
        return self._was_stopped

    async def undo(self) -> None:
        """Let it go on."""
        if self._target.is_alive:
            self._target.signal(signal.SIGCONT)


class FullDisk(Fault):
    """No file of it may grow: every write fails, as on a full disk; undone by its former limit."""

    def __init__(self, target: OwnTarget) -> None:
        self._target = target
        self._before: tuple[int, int] | None = None

    async def strike(self) -> None:
        """Take its room away."""
        if self._target.is_alive:
            self._before = resource.prlimit(self._target.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._target.pid, resource.RLIMIT_FSIZE, (0, self._before[1]))

    async def fired(self) -> bool:
        """Tell whether it had no room."""
        if self._before is None or not self._target.is_alive:
            return False
        return resource.prlimit(self._target.pid, resource.RLIMIT_FSIZE)[0] == 0

    async def undo(self) -> None:
        """Give its room back; whoever took its place has all of it."""
        if self._before is not None and self._target.is_alive:
            resource.prlimit(self._target.pid, resource.RLIMIT_FSIZE, self._before)
