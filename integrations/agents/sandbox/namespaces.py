"""Own namespaces for an agent, where the kernel lets us: a second wall behind Landlock.

Standard library only; runs in the keeper, before and after its fork.

1. PID: the keeper's child is init of a new namespace. When it ends, the kernel ends every
   process in it, however it was started; no process outside can even be named.
2. Network, for an agent that declared no port: no interface but a loopback of its own.
3. Mounts: the whole tree is read-only but for the private directory and what else may be written,
   which also stops ``chmod`` and the like; what is to be hidden lies under an empty file system.
   Shared memory with a name lies in a small one of the agent's own: libraries lock with it.
4. Root needs nothing for that; others go through a user namespace in which they stay who
   they are. Where that is forbidden too, ``enter`` says so and nothing has changed.
5. The agent's tree is its own: the keeper, which has to see to cgroups, keeps a writable one.
   The tmpfs over the private directory, see ``private_disk``, is in both.
6. Capabilities, also those that come with a user namespace, are gone before the agent starts.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_NEW_NS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 1 << 17, 1 << 27, 1 << 28, 1 << 29, 1 << 30
_BIND, _RECURSIVE, _PRIVATE, _RDONLY, _NOSUID, _NODEV = 4096, 16384, 1 << 18, 1, 2, 4
_DETACH: Final = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR: Final = 442
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - a file system of the agent's own (3)
_SHARED_MEMORY_OPTIONS: Final = "mode=0700,size=16m,nr_inodes=1k"
_ATTR_RDONLY, _ATTR_NOSUID = 1, 2
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def enter(*, network: bool) -> bool:
    """Leave the namespaces of the worker; the PID namespace begins with the next child.

    Returns whether it was allowed. ``network`` keeps the machine's network.
    """
    flags = _NEW_NS | _NEW_IPC | _NEW_PID | (0 if network else _NEW_NET)
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(flags) == 0:
        return True
    if _libc.unshare(flags | _NEW_USER):
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return True


def make_read_only(writable: Sequence[str], hidden: Iterable[str]) -> None:
    """Make the tree read-only but for ``writable``, and lay nothing over ``hidden`` (3).

    A hidden path above one that is writable stays: Landlock alone keeps it closed. The first of
    these becomes the working directory.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.unshare(_NEW_NS), "/")  # (5) the keeper keeps a tree of its own
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    for path in writable:
        _mount(path, path, None, _BIND)
    _set_attributes("/", _MountAttr(attr_set=_ATTR_RDONLY | _ATTR_NOSUID), _AT_RECURSIVE)
    for path in writable:
        _set_attributes(path, _MountAttr(attr_clr=_ATTR_RDONLY), 0)
    for path in hidden:
        if Path(path).is_dir() and not any(Path(each).is_relative_to(path) for each in writable):
            _mount("tmpfs", path, "tmpfs", _RDONLY, "mode=000,size=4k,nr_inodes=1")
    if Path(SHARED_MEMORY).is_dir():
        flags = _NOSUID | _NODEV
        _mount("tmpfs", SHARED_MEMORY, "tmpfs", flags, _SHARED_MEMORY_OPTIONS)
    os.chdir(writable[0])  # the old working directory is the one below the new mount


def mount_private(directory: str, size: int, files: int) -> None:
    """Lay an empty file system of ``size`` bytes and ``files`` names over ``directory``.

    Raises:
        OSError: the kernel refuses.
    """
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    options = f"mode=0700,size={size},nr_inodes={files}"
    _mount("tmpfs", directory, "tmpfs", _NOSUID | _NODEV, options)


def unmount(directory: str) -> None:
    """Take away what was mounted there last.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.umount2(os.fsencode(directory), _DETACH), directory)


def drop_capabilities() -> None:
    """Make sure that no capability survives the next ``exec`` (6)."""
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    data = None if options is None else options.encode()
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), data), target)


def _set_attributes(path: str, attributes: _MountAttr, flags: int) -> None:
    result = _libc.syscall(
        _MOUNT_SETATTR,
        _AT_FDCWD,
        os.fsencode(path),
        flags,
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, path)


def _check(result: int, path: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
