"""Become a child that dies with its supervisor, then become the program.

Run as ``python -I -S launch.py <supervisor pid> <program> [argument…]``. The kernel is asked to
kill us when the supervisor ends, even by ``kill -9``; the request survives ``exec``. It is asked
here and not between fork and exec of the supervisor, where Python code may deadlock.
Elsewhere than on Linux there is no such request and the program starts without it.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by the program of ``arguments``."""
    supervisor, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - absent from some minimal builds of other systems

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it ended before the request: nobody will signal us
        os._exit(1)
    os.execv(program[0], program)  # noqa: S606 - the point: no shell, same pid


if __name__ == "__main__":
    main(sys.argv[1:])
