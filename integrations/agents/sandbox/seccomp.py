"""What Landlock does not reach, closed by a filter on system calls.

Standard library only, and like ``landlock`` for the process about to become the agent.

1. ``socket`` makes nothing but TCP over IPv4 or IPv6: no UDP, no raw, packet or netlink
   sockets, no SCTP or MPTCP (Landlock's port rules know only TCP), and no Unix sockets, whose
   paths no Landlock rule covers (a container engine listens on one). ``socketpair`` stays.
2. TCP Fast Open is refused: its ``send`` connects, and Landlock looks at ``connect`` only.
3. ``io_uring`` is refused: it makes sockets without the call ``socket``.
4. System V's shared memory, queues and semaphores, POSIX's queues and the kernel's keys are
   refused: they belong to no process, outlive their maker, and no quota that is measured finds
   them. A key that one agent leaves could be read by the next, and so could those of the worker's
   own user.
5. A call by another calling convention than the machine's own is refused altogether.

Refused means ``EACCES``, for ``io_uring`` and (4) ``ENOSYS``, so that programs fall back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from typing import Final, NamedTuple

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_LOAD, _AND = 0x20, 0x54  # BPF_LD|W|ABS, BPF_ALU|AND|K
_EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCH_AT = 0, 4  # offsets in struct seccomp_data
_TYPE_MASK: Final = 0xF  # without SOCK_NONBLOCK and SOCK_CLOEXEC
_FASTOPEN: Final = 0x20000000  # MSG_FASTOPEN
_X32_BIT: Final = 0x40000000
_IO_URING_SETUP: Final = 425


class _Machine(NamedTuple):
    arch: int  # AUDIT_ARCH_*
    socket: int
    sends: tuple[tuple[int, int], ...]  # call, index of its flags argument
    # shmget, semget, msgget, mq_open, add_key, request_key, keyctl
    outliving: tuple[int, int, int, int, int, int, int]


_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E, 41, ((44, 3), (46, 2), (307, 3)), (29, 64, 68, 240, 248, 249, 250)
    ),
    "aarch64": _Machine(
        0xC00000B7, 198, ((206, 3), (211, 2), (269, 3)), (194, 190, 186, 180, 217, 218, 219)
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def is_known() -> bool:
    """Tell whether there is a filter for this machine."""
    return os.uname().machine in _MACHINES


def restrict() -> None:
    """Install the filter for good; ``no_new_privs`` must be set.

    Raises:
        OSError: the kernel refuses.
    """
    code = _filter(_MACHINES[os.uname().machine])
    program = _Program(len(code) // 8, code)
    if _libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _filter(machine: _Machine) -> bytes:
    """Assemble the filter; every jump is over the next one or two instructions."""
    refuse = _op(_RETURN, _ERRNO | errno.EACCES)
    allow = _op(_RETURN, _ALLOW)
    load_number = _op(_LOAD, _NUMBER_AT)
    code = [
        # (5) the machine's own convention
        *(_op(_LOAD, _ARCH_AT), _op(_EQUAL, machine.arch, 1, 0), refuse),
        *(load_number, _op(_AT_LEAST, _X32_BIT, 0, 1), refuse),
        # (3) makes sockets without socket
        *(_op(_EQUAL, _IO_URING_SETUP, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)),
    ]
    for number in machine.outliving:  # (4) what outlives its maker
        code += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    for number, flags in machine.sends:  # (2) TCP Fast Open
        body = [_argument(flags), _op(_ANY_BIT, _FASTOPEN, 0, 1), refuse, allow]
        code += [_op(_EQUAL, number, 0, len(body)), *body]
    checks = [  # (1) TCP over IP alone
        *(_argument(0), _op(_EQUAL, socket.AF_INET, 2, 0), _op(_EQUAL, socket.AF_INET6, 1, 0)),
        refuse,
        *(_argument(1), _op(_AND, _TYPE_MASK), _op(_EQUAL, socket.SOCK_STREAM, 1, 0), refuse),
        *(_argument(2), _op(_EQUAL, 0, 2, 0), _op(_EQUAL, socket.IPPROTO_TCP, 1, 0), refuse),
    ]
    return b"".join([*code, _op(_EQUAL, machine.socket, 0, len(checks)), *checks, allow])


def _argument(index: int) -> bytes:
    # The low half of a 64-bit argument; the kernel reads these as 32 bits.
    return _op(_LOAD, 16 + 8 * index)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
