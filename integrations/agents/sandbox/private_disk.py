"""A disk of its own for the private directory: a tmpfs of limited size, laid over it.

Standard library only; runs in the keeper, in the mount namespace that its agent gets.

1. What the worker had put there is copied in, and does not count: the room for it comes on top.
2. The worker, which is outside, gets the directory as a descriptor: that keeps the files when the
   namespace has gone.
3. Full means that no byte or no name is left. A kernel that refuses to mount changes nothing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from integrations.agents.sandbox import namespaces

_PAGE: Final = os.sysconf("SC_PAGESIZE")
_CHUNK_BYTES: Final = 1 << 20
_ROOT: Final = 1  # the directory itself takes a name too


def lay_over(directory: str, size: int, files: int) -> int | None:
    """Mount ``size`` bytes and ``files`` names over ``directory``; return it, open (2).

    None: this kernel allows no mount here (3).
    """
    source = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    below = f"/proc/self/fd/{source}/."  # what is there, whatever is mounted over it
    try:
        given_size, given_files = _given(below)
        namespaces.mount_private(directory, size + given_size, files + given_files + _ROOT)
    except OSError:
        os.close(source)
        return None
    try:
        _copy(below, directory)
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        with suppress(OSError):
            namespaces.unmount(directory)
        return None
    finally:
        os.close(source)


def is_full(directory: int) -> tuple[bool, bool]:
    """Tell whether no byte is left, and whether no name is (3)."""
    status = os.fstatvfs(directory)
    return status.f_bfree == 0, status.f_ffree == 0


def _given(root: str) -> tuple[int, int]:
    """Return how many bytes, in whole pages, and how many names lie there already."""
    size = files = 0
    for where, folders, names in os.walk(root):
        files += len(folders) + len(names)
        for name in names:
            size += -(Path(where, name).stat().st_size // -_PAGE) * _PAGE
    return size, files


def _copy(root: str, target: str) -> None:
    for where, folders, names in os.walk(root):
        there = Path(target, os.path.relpath(where, root))
        for name in folders:
            (there / name).mkdir(mode=0o700)
        for name in names:
            with Path(where, name).open("rb") as source, (there / name).open("xb") as copy:
                while chunk := source.read(_CHUNK_BYTES):
                    copy.write(chunk)
            (there / name).chmod(0o600)
