"""What a tree of processes and a directory take, measured from outside.

Standard library only; runs in the keeper, where the kernel keeps no account that it may read.

1. Memory that processes share is counted once. Asking for that is dear, so it is asked only when
   the cheap figure, which counts it for each, is above ``enough``.
2. A file without a name is found where it is held open. What is on the disk of the private
   directory belongs to that; everything else (``memfd_create``) is memory.
3. Holes in files take nothing. A file with two names counts once.
4. A directory is walked by descriptors, never by path: no depth of names can hide from it. Beyond
   ``DEPTH_MAX`` it is not looked into: ``of_directory`` says so, and nobody may go there.
5. What ends or changes during the walk is left out. A tree that hides from every look is not
   found; where that must not be, a tmpfs and a cgroup count.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

DEPTH_MAX: Final = 256  # of directories
_DIRECTORY: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK: Final = 512  # bytes, of st_blocks
_KIB: Final = 1024
_PAGE: Final = os.sysconf("SC_PAGESIZE")


class Nameless(NamedTuple):
    """Bytes of open files that have no name (2)."""

    on_disk: int
    elsewhere: int


class DiskUse(NamedTuple):
    """What is in a directory."""

    size: int  # bytes on the disk
    files: int  # of every kind, directories included
    too_deep: bool  # some of it was not looked into (4)


def tasks(pids: Iterable[int]) -> int:
    """Return how many threads there are."""
    found = 0
    for pid in pids:
        with suppress(OSError):
            found += sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    return found


def memory(pids: Iterable[int], enough: int) -> int:
    """Return the bytes of memory in use; up to ``enough`` it may be too much (1)."""
    resident = {pid: _resident(pid) for pid in pids}
    if sum(resident.values()) <= enough:
        return sum(resident.values())
    return sum(_proportional(pid, otherwise) for pid, otherwise in resident.items())


def nameless(pids: Iterable[int], device: int) -> Nameless:
    """Return what is held open without a name, on ``device`` and elsewhere."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat()
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                        found[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
    on_disk = sum(size for (where, _), size in found.items() if where == device)
    return Nameless(on_disk, sum(found.values()) - on_disk)


def of_directory(directory: int, files_max: int) -> DiskUse:
    """Return what is below the directory open as ``directory``; beyond ``files_max`` it stops."""
    size = files = 0
    too_deep = False
    counted: set[int] = set()  # of files with two names
    levels = [(directory, _listing(directory))]
    try:
        while levels and files <= files_max:
            here, entries = levels[-1]
            if not entries:
                levels.pop()
                _close(here, directory)
                continue
            status = _status(entries.pop(), here)
            if status is None:
                continue
            name, found = status
            files += 1
            if found.st_nlink == 1 or stat.S_ISDIR(found.st_mode) or found.st_ino not in counted:
                size += found.st_blocks * _BLOCK
                counted |= {found.st_ino} if found.st_nlink > 1 else set()
            if stat.S_ISDIR(found.st_mode):
                if len(levels) > DEPTH_MAX:
                    too_deep = True
                    continue
                _descend(levels, here, name)
    finally:
        for here, _ in levels:
            _close(here, directory)
    return DiskUse(size, files, too_deep)


def _descend(levels: list[tuple[int, list[str]]], here: int, name: str) -> None:
    with suppress(OSError):
        found = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=here)
        itself = f"/proc/self/fd/{found}"  # whatever has its name by now
        try:
            below = _opened(itself)
        finally:
            os.close(found)
        levels.append((below, _listing(below)))


def _opened(directory: str) -> int:
    try:
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # closed to its owner, who may be us: nothing hides behind a mode
        Path(directory).chmod(0o700)
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _listing(directory: int) -> list[str]:
    with suppress(OSError):
        return os.listdir(directory)
    return []


def _status(name: str, directory: int) -> tuple[str, os.stat_result] | None:
    with suppress(OSError):
        return name, os.stat(name, dir_fd=directory, follow_symlinks=False)
    return None


def _close(descriptor: int, kept: int) -> None:
    if descriptor != kept:
        os.close(descriptor)


def _resident(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _proportional(pid: int, otherwise: int) -> int:
    """Return the share of a process in what it has; some systems do not tell."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KIB
    return otherwise
