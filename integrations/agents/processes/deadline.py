"""The deadline of an agent's whole tree, which the kernel keeps where nobody else does.

Standard library only; runs in the keeper. A lease is proved by the worker; this is what holds when
the worker proves nothing any more: dead, standing still, or cut off.

1. The deadline is that of the lease, on the clock of the machine that goes on while it sleeps. It
   moves on only when it is told to.
2. ``KILL_AHEAD_S`` before it the keeper ends the tree: what is dead by then acts no more when
   somebody else may have the lease.
3. ``END_AHEAD_S`` before it the kernel ends the keeper, and with it the tree: also a keeper that
   was stopped, for SIGKILL is what a stopped process gets.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

from integrations.clock import boottime

KILL_AHEAD_S: Final = 1.5
END_AHEAD_S: Final = 1.0

_CLOCK_BOOTTIME: Final = 7
_SIGEV_SIGNAL: Final = 0
_TIMER_ABSTIME: Final = 1
_SIGEVENT_PAD: Final = 12  # ints: struct sigevent has 64 bytes

_libc = ctypes.CDLL(None, use_errno=True)


class _SigEvent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("pad", ctypes.c_int * _SIGEVENT_PAD),
    )


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class KernelTimer:
    """Ends this process by SIGKILL at a moment; no child inherits it (3).

    Init of a PID namespace would ignore a signal of its own: the timer belongs to its parent.
    """

    def __init__(self) -> None:
        """Make it.

        Raises:
            OSError: this kernel has none.
        """
        self._timer = ctypes.c_void_p()
        event = _SigEvent(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        _check(_libc.timer_create(_CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)))

    def set(self, deadline: float) -> None:
        """Move the moment to just before ``deadline``."""
        moment = max(0.0, deadline - END_AHEAD_S)
        seconds = int(moment)
        value = _TimeSpec(seconds, int((moment - seconds) * 1e9))
        spec = _TimerSpec(value=value)
        _check(_libc.timer_settime(self._timer, _TIMER_ABSTIME, ctypes.byref(spec), None))


def left_s(deadline: float) -> float:
    """Return for how long the tree may still live (2)."""
    return deadline - KILL_AHEAD_S - boottime()


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"timer that ends the keeper: {os.strerror(code)}")
