"""Looking at processes from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

PROC = Path("/proc")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that waits to be reaped does not."""
    try:
        state = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def is_dead(pid: int) -> bool:
    """Tell whether nothing runs there any more."""
    return not is_alive(pid)


def command_lines() -> dict[int, str]:
    """Return the argument list of every process."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            found[int(folder.name)] = b" ".join(words).decode("utf-8", "replace")
    return found


async def eventually(
    holds: Callable[[], bool | Awaitable[bool]], *, within_s: float = 60.0
) -> None:
    """Wait until ``holds`` does; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = holds()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.05)
