"""How much one agent may take, whoever counts, and whether it took more.

Standard library only; runs in the keeper. What is limited: memory, room and files in the private
directory, processes and threads; each for the whole tree of the agent together.

1. Where the kernel counts (a cgroup, a tmpfs), it refuses what is too much in the moment it is
   asked for. Elsewhere this measures every ``TICK_S``, and between two looks an agent may take
   more. The level says which it is.
2. Reaching a quota ends the agent, on every kind of machine: a program that got "no space left"
   half-way is not asked whether it coped. What was reached is said with the way to raise it.
3. Measuring never takes more than a fifth of one processor.
4. When the machine itself runs out of memory, the agent goes before any of ours.
5. ``RLIMIT_NPROC`` counts for a user on the whole machine, and for root not at all: it is set
   only where the agent has a user namespace of its own. It tells nobody that it was reached, so it
   is a wall far behind the quota, against what happens between two looks.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from integrations.agents.processes import cgroups, usage
from integrations.agents.processes.descendants import descendants_of
from integrations.agents.sandbox import private_disk

TICK_S: Final = 0.025
_REST: Final = 4.0  # times what a look took (3)
_MIB: Final = 1 << 20
_KERNEL_BYTES: Final = 64 << 20  # page tables, names, sockets: see ``cgroups`` (4)
_WALL: Final = 8  # times the quota (5)
_ROOT: Final = 0
_DEPTH: Final = "depth"

OUT_OF_ROOM: Final = (
    "the agent found no room left in its private directory: let it use less, or raise "
    "config.sandbox.disk_mb or config.sandbox.files of its stage"
)
_WORDS: Final[Mapping[str, str]] = {
    "memory_mb": "MiB of memory",
    "disk_mb": "MiB in its private directory",
    "files": "files in its private directory",
    "processes": "processes and threads",
    _DEPTH: "levels of directories where no tmpfs is to be had",
}


def out_of_room(words: str, *, own_disk: bool) -> bool:
    """Tell whether a program that gave up said that it was refused room.

    Its language is C, see ``sandbox``. Without a disk of its own "no space" is ours to mend.
    """
    refusals = (errno.EFBIG, errno.ENOSPC) if own_disk else (errno.EFBIG,)
    return any(os.strerror(number) in words for number in refusals)


class Reached(NamedTuple):
    """A quota that was reached: the field that sets it, its value, and what was seen."""

    field: str
    allowed: int
    seen: int

    def sentence(self) -> str:
        """Say it, and how to raise it."""
        fix = "let it use less"
        if self.field != _DEPTH:
            fix += f", or raise config.sandbox.{self.field} of its stage"
        return (
            f"the agent was ended, for it reached its quota of {self.allowed} "
            f"{_WORDS[self.field]} (seen: {self.seen}): {fix}"
        )


class Quota:
    """The quota of one agent, and what counts it on this machine."""

    def __init__(self, allowed: Mapping[str, int], directory: str, *, cgroup: bool) -> None:
        """Take what the kernel offers to every process; ``enter_mounts`` adds the disk."""
        self._allowed = allowed
        self._memory = allowed["memory_mb"] * _MIB
        self._disk = allowed["disk_mb"] * _MIB
        self._path = directory
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._given = usage.of_directory(self._directory, sys.maxsize)  # by the worker
        self._mounted = False
        self._next = 0.0
        self._group = None
        if cgroup:
            wall = self._memory + self._disk + _KERNEL_BYTES
            self._group = cgroups.make(memory=wall, processes=allowed["processes"])
        self.reached: Reached | None = None

    def enter_mounts(self) -> int | None:
        """Give the private directory a disk of its own; return it, open, or None: there is none.

        To be called in the agent's mount namespace.
        """
        mounted = private_disk.lay_over(self._path, self._disk, self._allowed["files"])
        if mounted is None:
            return None
        os.close(self._directory)
        self._directory, self._mounted = mounted, True
        return mounted

    def enter(self) -> str:
        """Put the calling process, which is to become the agent, under the quota.

        Returns who counts what (1).

        Raises:
            OSError: the kernel refuses what it had allowed before.
        """
        with suppress(OSError):  # (4) goes before any of ours
            Path("/proc/self/oom_score_adj").write_text("1000")
        if self._group is not None:
            self._group.enter()
        if self._has_own_users():
            most = self._allowed["processes"] * _WALL
            resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        return self._level()

    def exceeded(self, *, now: bool = False) -> bool:
        """Look, unless that was done just before (3); tell whether a quota was reached so far."""
        begun = time.monotonic()
        if self.reached is None and (now or begun >= self._next):
            self.reached = next(self._look(), None)
            end = time.monotonic()
            self._next = end + max(TICK_S, (end - begun) * _REST)
        return self.reached is not None

    def ended(self, status: int | None) -> None:
        """Look a last time, before what is left is killed; ``status`` is that of the agent."""
        if not self.exceeded(now=True) and status == -signal.SIGXFSZ:
            self.reached = self._at("disk_mb", self._allowed["disk_mb"])

    def close(self) -> None:
        """Give back what was taken of the kernel; nothing of the agent may live any more."""
        if self._group is not None:
            self._group.remove()

    def _level(self) -> str:
        return ",".join(
            (
                f"disk:{'tmpfs' if self._mounted else 'watched'}",
                f"memory:{'cgroup' if self._is_counted(cgroups.MEMORY) else 'watched'}",
                f"processes:{'cgroup' if self._is_counted(cgroups.PROCESSES) else 'watched'}",
            )
        )

    def _look(self) -> Iterator[Reached]:
        """Yield what was reached; the cheap looks come first."""
        if self._mounted:
            no_room, no_names = private_disk.is_full(self._directory)
            if no_room:
                yield self._at("disk_mb", self._allowed["disk_mb"])
            if no_names:
                yield self._at("files", self._allowed["files"])
        if self._group is not None:
            yield from self._counted(self._group)
        by_kernel = [self._is_counted(each) for each in (cgroups.MEMORY, cgroups.PROCESSES)]
        if not (all(by_kernel) and self._mounted):
            yield from self._measured()

    def _counted(self, group: cgroups.Group) -> Iterator[Reached]:
        if group.limits(cgroups.PROCESSES) and group.refused():
            yield self._at("processes", self._allowed["processes"])
        if group.limits(cgroups.MEMORY):
            used = group.memory()
            if group.kills() or used > self._memory:
                yield self._at("memory_mb", max(used // _MIB, self._allowed["memory_mb"]))

    def _measured(self) -> Iterator[Reached]:
        pids = list(descendants_of(_own_pid()))
        if not self._is_counted(cgroups.PROCESSES):
            tasks = usage.tasks(pids)
            if tasks > self._allowed["processes"]:
                yield self._at("processes", tasks)
        nameless = usage.nameless(pids, os.fstat(self._directory).st_dev)
        if not self._is_counted(cgroups.MEMORY):
            used = usage.memory(pids, self._memory) + nameless.elsewhere
            if used > self._memory:
                yield self._at("memory_mb", used // _MIB)
        if not self._mounted:
            yield from self._on_disk(nameless.on_disk)

    def _on_disk(self, nameless: int) -> Iterator[Reached]:
        most = self._allowed["files"] + self._given.files
        found = usage.of_directory(self._directory, most)
        used = found.size - self._given.size + nameless
        if used > self._disk:
            yield self._at("disk_mb", used // _MIB)
        if found.files > most:
            yield self._at("files", found.files - self._given.files)
        if found.too_deep:
            yield Reached(_DEPTH, usage.DEPTH_MAX, usage.DEPTH_MAX)

    def _at(self, field: str, seen: int) -> Reached:
        return Reached(field, self._allowed[field], seen)

    def _is_counted(self, controller: str) -> bool:
        return self._group is not None and self._group.limits(controller)

    def _has_own_users(self) -> bool:
        """Tell whether the agent has a user namespace of its own, and is not root (5)."""
        mapped = Path("/proc/self/uid_map").read_text().split()
        return os.geteuid() != _ROOT and mapped[2:] == ["1"]


def _own_pid() -> int:
    """Return the pid of this process as ``/proc`` has it, which is not that of its namespace."""
    try:
        return int(Path("/proc/self").readlink().name)
    except OSError:
        return os.getpid()
