"""A cgroup for one agent, where there is a hierarchy this process may write to.

Standard library only; runs in the keeper. Version 2 and version 1 of the kernel's interface.

1. The group lies below the one this process is in. Under version 2 a group that holds processes
   has no limits for those below it: there it lies beside it, where that place was handed to us
   (systemd's ``Delegate=yes`` with ``DelegateSubgroup=``), and never where it was not.
2. A controller is reckoned with only after a process was put under it: what looks writable is
   often not.
3. The name holds the keeper's pid: what a killed keeper left is removed by the next one.
4. The kernel counts in memory what this process does not: files on a tmpfs, its own structures.
   The limit on memory is therefore a wall behind the quota; ``memory`` is what is measured.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

PREFIX: Final = "mandate-"
MEMORY: Final = "memory"
PROCESSES: Final = "pids"

_REMOVE_S: Final = 1.0
_TICK_S: Final = 0.01
_DELEGATED: Final = ("user.delegate", "trusted.delegate")  # set by systemd


class _Interface(NamedTuple):
    """What the files of one version are called."""

    limit: str
    swap: str
    kills: str
    used: str
    swap_holds_memory: bool  # its limit is on both together


_V1: Final = _Interface(
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.oom_control",
    "total_rss",
    swap_holds_memory=True,
)
_V2: Final = _Interface(
    "memory.max", "memory.swap.max", "memory.events", "anon", swap_holds_memory=False
)


class Place(NamedTuple):
    """Where groups for one controller may be made, and by which interface they are spoken to."""

    controller: str
    base: Path
    is_v2: bool


class Group:
    """One agent's group: a directory per controller, or one for all."""

    def __init__(self, directories: dict[str, tuple[Path, _Interface]]) -> None:
        self._directories = directories
        self._entrances = [
            os.open(directory / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            for directory in dict.fromkeys(directory for directory, _ in directories.values())
        ]

    def limits(self, controller: str) -> bool:
        """Tell whether the kernel limits that."""
        return controller in self._directories

    def enter(self) -> None:
        """Put the calling process under the limits, and whatever it starts.

        Raises:
            OSError: the kernel refuses.
        """
        for entrance in self._entrances:
            os.write(entrance, b"0")

    def kills(self) -> int:
        """Return how many processes the kernel has ended for want of memory."""
        directory, interface = self._directories[MEMORY]
        return _number(directory / interface.kills, "oom_kill")

    def memory(self) -> int:
        """Return the bytes that processes hold, files left out (4)."""
        directory, interface = self._directories[MEMORY]
        return _number(directory / "memory.stat", interface.used)

    def refused(self) -> int:
        """Return how many processes and threads were not to be had."""
        return _number(self._directories[PROCESSES][0] / "pids.events", "max")

    def remove(self) -> None:
        """Remove the group; nothing may live in it any more."""
        for entrance in self._entrances:
            os.close(entrance)
        self._entrances = []
        end = time.monotonic() + _REMOVE_S
        for directory, _ in self._directories.values():
            while directory.exists() and not _removed(directory) and time.monotonic() < end:
                time.sleep(_TICK_S)  # what has ended leaves its group a moment later


def make(*, memory: int, processes: int, places: Iterable[Place] | None = None) -> Group | None:
    """Make a group with those limits, of whatever controllers there are; None: of none."""
    name = f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    made: dict[str, tuple[Path, _Interface]] = {}
    for place in find() if places is None else places:
        directory, interface = place.base / name, _V2 if place.is_v2 else _V1
        if place.controller not in made and _is_limited(place, directory, memory, processes):
            made[place.controller] = directory, interface
    with suppress(OSError):
        group = Group(made)
        if made and _can_be_entered(group):
            return group
    for directory, _ in made.values():
        _removed(directory)
    return None


def _is_limited(place: Place, directory: Path, memory: int, processes: int) -> bool:
    """Make a directory with its limit, and tell whether that was possible."""
    try:
        _sweep(place.base)
        directory.mkdir(exist_ok=True)
        if place.controller == MEMORY:
            _limit_memory(directory, _V2 if place.is_v2 else _V1, memory)
        else:
            (directory / "pids.max").write_text(str(processes))
    except OSError:
        _removed(directory)
        return False
    return True


def find(
    groups: Path = Path("/proc/self/cgroup"), mounts: Path = Path("/proc/self/mountinfo")
) -> Iterator[Place]:
    """Yield where groups of this process's own may lie (1)."""
    own: dict[str, str] = {}
    with suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            own |= dict.fromkeys(controllers.split(","), path)  # version 2 names none
        for line in mounts.read_text().splitlines():
            fields, _, rest = line.partition(" - ")
            root, point = fields.split()[3:5]
            kind, _, options = rest.split(" ", 2)
            if kind == "cgroup2" and "" in own:
                yield from _of_v2(_below(point, root, own[""]))
            for controller in (MEMORY, PROCESSES) if kind == "cgroup" else ():
                if controller in options.split(",") and controller in own:
                    yield Place(controller, _below(point, root, own[controller]), is_v2=False)


def _below(point: str, root: str, path: str) -> Path:
    """Return the directory of the group ``path`` in a mount of the part below ``root``."""
    return Path(point + "/" + os.path.relpath(path, root)).resolve()


def _of_v2(own: Path) -> Iterator[Place]:
    handed = _is_ours(own.parent)
    for base in (own, own.parent) if handed else (own,):
        switch = base / "cgroup.subtree_control"
        with suppress(OSError):
            on = switch.read_text().split()
            for controller in (MEMORY, PROCESSES):
                if controller in on or (base != own and _switched_on(switch, controller)):
                    yield Place(controller, base, is_v2=True)


def _switched_on(switch: Path, controller: str) -> bool:
    try:
        switch.write_text(f"+{controller}")
    except OSError:
        return False
    return True


def _is_ours(directory: Path) -> bool:
    """Tell whether somebody has handed that group to us (1)."""
    for name in _DELEGATED:
        with suppress(OSError):
            return os.getxattr(directory, name) == b"1"
    return os.geteuid() != 0 and os.access(directory, os.W_OK)


def _limit_memory(directory: Path, interface: _Interface, limit: int) -> None:
    (directory / interface.limit).write_text(str(limit))
    with suppress(OSError):  # a kernel that does not account for swap has no such file
        swap = limit if interface.swap_holds_memory else 0
        (directory / interface.swap).write_text(str(swap))


def _can_be_entered(group: Group) -> bool:
    """Try it with a process that does nothing else (2)."""
    trial = os.fork()
    if trial == 0:
        try:
            group.enter()
        except OSError:
            os._exit(os.EX_NOPERM)
        os._exit(os.EX_OK)
    return os.waitstatus_to_exitcode(os.waitpid(trial, 0)[1]) == os.EX_OK


def _sweep(base: Path) -> None:
    """Remove what keepers left that were killed (3)."""
    for directory in base.glob(f"{PREFIX}*-*"):
        pid = directory.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _removed(directory)


def _removed(directory: Path) -> bool:
    try:
        directory.rmdir()
    except OSError:
        return False
    return True


def _number(file: Path, name: str) -> int:
    """Return the number beside ``name`` in a file of such lines; 0: there is none."""
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
