"""Whether a process of this machine lives, and directories that only this user may enter.

A process is told by its pid and the moment it started, because pids are used again.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from integrations.errors import DeniedError

_STATE, _STARTED = 0, 19  # fields of /proc/<pid>/stat behind the name, which may hold anything
_DEAD: Final = ("Z", "X")


def started(pid: int) -> str | None:
    """Return when a process was started, in ticks since the machine was; None: it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in _DEAD else fields[_STARTED]


def make_private(folder: Path) -> None:
    """Make ``folder``, for this user alone; harmless when it is there.

    Raises:
        DeniedError: it is somebody else's, or others may enter.
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    refuse_stranger(folder)


def refuse_stranger(folder: Path) -> None:
    """Refuse a directory that is not this user's alone.

    Raises:
        DeniedError: it is not.
    """
    status = folder.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_ours or status.st_mode & 0o077:
        raise DeniedError(
            f"{folder} is not a directory of this user alone: remove it, or set TMPDIR"
        )
