"""Landlock, by hand: the calling process gives up what is not on its list.

Standard library only: the keeper loads it in an isolated interpreter. Runs in the process
that is about to become the agent; there is no way back.

1. Files: what no rule grants cannot be opened, listed, executed, made or removed.
2. TCP (from ABI 4, Linux 6.7): no ``bind``; ``connect`` only to the ports given.
3. From ABI 6: no signal to, and no abstract socket of, a process outside.
4. Older kernels enforce what they know. ``abi()`` tells, callers decide whether that is enough.

What it cannot do, and what does it instead: UDP, other sockets, sockets that have a path
(``seccomp``); ``chmod``, ``chown``, ``utime`` on files outside (``namespaces``: a read-only
tree); ``stat`` (nothing: names that can be guessed can be asked for).
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from typing import Any, Final

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_BASE: Final = (1 << 13) - 1  # ABI 1: the above, remove and make of every kind
_REFER: Final = 1 << 13  # ABI 2
_TRUNCATE: Final = 1 << 14  # ABI 3
_IOCTL_DEV: Final = 1 << 15  # ABI 5
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1

LIST: Final = _READ_DIR  # the names in a tree, not the contents
READ: Final = _READ_FILE | _READ_DIR
RUN: Final = READ | _EXECUTE
DEVICE: Final = _READ_FILE | _WRITE_FILE
WRITE: Final = _BASE | _REFER | _TRUNCATE  # everything but the ioctls of devices

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_FLAG: Final = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_NET_ABI, _SCOPE_ABI = 4, 6

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _NetPort(ctypes.Structure):
    _fields_ = (("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def abi() -> int:
    """Return the version the kernel speaks; 0: none."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    except OSError:
        return 0


def level() -> str:
    """Return ``landlock-abi-<n>``, or ``none``."""
    version = abi()
    return f"landlock-abi-{version}" if version else "none"


def limits_tcp() -> bool:
    """Tell whether the kernel knows rules for TCP (2); without, the machine's network is open."""
    return abi() >= _NET_ABI


def restrict(rules: Iterable[tuple[str, int]], tcp: Iterable[int]) -> None:
    """Give up everything but ``rules`` (path, access) and connecting to ``tcp`` ports.

    A path that is not there grants nothing. ``no_new_privs`` must be set.

    Raises:
        OSError: the kernel refuses; nothing was given up.
    """
    version = abi()
    files = _BASE
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        files |= right if version >= since else 0
    ruleset = _Ruleset(
        files,
        # (2) TCP: no bind, named ports only
        _BIND_TCP | _CONNECT_TCP if version >= _NET_ABI else 0,
        # (3) nothing outside is signalled
        _ABSTRACT_SOCKETS | _SIGNALS if version >= _SCOPE_ABI else 0,
    )
    size = 24 if version >= _SCOPE_ABI else 16 if version >= _NET_ABI else 8
    handle = _call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0)
    try:
        for path, access in rules:
            _grant(handle, path, access & files)
        for port in tcp if version >= _NET_ABI else ():
            _call(_ADD_RULE, handle, _NET_PORT, ctypes.byref(_NetPort(_CONNECT_TCP, port)), 0)
        _call(_RESTRICT_SELF, handle, 0)
    finally:
        os.close(handle)


def _grant(handle: int, path: str, access: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            access &= _OF_FILES  # rights of directories on a file are an error
        if access:
            rule = _PathBeneath(access, target)
            _call(_ADD_RULE, handle, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(target)


def _call(number: int, *arguments: Any) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
