"""Running a tool on what somebody else wrote.

1. A process of its own, with an environment that holds nothing of ours: no token, no path, no
   configuration of a tool.
2. Limits of time, memory and output. What goes beyond is ended with all it has started, and that
   is an error in one sentence.
3. Python is started isolated: neither the working directory nor the reviewed code is on its path.
4. Tools are not of the terminal's process group: whoever gives a review up ends them (``end_all``).
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OUTPUT_BYTES_MAX: Final = 64 << 20
MEMORY_BYTES_MAX: Final = 8 << 30  # of addresses: what is mapped counts, touched or not
_SHOWN_MAX: Final = 200  # characters of what a tool says of its failure


class ToolFailedError(Exception):
    """A tool did not do what it was asked; says in one sentence why."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a tool has said."""

    status: int
    out: bytes
    err: str


_running: Final[set[subprocess.Popen[bytes]]] = set()  # those of this process


def end_all() -> None:
    """End every tool that is at work; whoever waits for one goes on (4)."""
    for process in list(_running):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def python(*words: str) -> list[str]:
    """Return how our own interpreter is started so that it loads nothing of the repository (3)."""
    return [sys.executable, "-I", "-B", *words]


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    limit_s: float,
    given: bytes = b"",
    env: dict[str, str] | None = None,
    home: Path | None = None,
) -> Ran:
    """Run a tool to its end.

    Raises:
        ToolFailedError: it could not be started, or went beyond a limit (2).
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; every name of a file begins with ./
                command,
                cwd=cwd,
                env={**_cleared(home or cwd), **(env or {})},  # (1) nothing of ours
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolFailedError(f"could not be started: {error.strerror}") from None
        except ValueError as error:  # a word that no program can be given
            raise ToolFailedError(f"could not be started: {error}") from None
        _running.add(process)
        try:
            with contextlib.suppress(ProcessLookupError):
                _bound(process.pid)
            process.communicate(given, timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise ToolFailedError(f"took longer than {limit_s:.0f} s and was ended") from None
        finally:
            _running.discard(process)
            _end(process)
        if process.returncode == -signal.SIGXFSZ:
            raise ToolFailedError(f"said more than {OUTPUT_BYTES_MAX >> 20} MiB and was ended")
        out.seek(0)
        err.seek(0)
        return Ran(process.returncode, out.read(), err.read(64 << 10).decode("utf-8", "replace"))


def said(ran: Ran) -> str:
    """Return the last that a tool has said of its failure, on one line."""
    lines = [line.strip() for line in ran.err.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    return f"ended with status {ran.status}: {last[:_SHOWN_MAX]}"


def _cleared(home: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}


def _bound(pid: int) -> None:
    limits = (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES_MAX),
        (resource.RLIMIT_CORE, 0),
    )
    for what, most in limits:
        resource.prlimit(pid, what, (most, most))  # (2) memory and output


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all it has started; whatever has ended by itself stays as it is."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
