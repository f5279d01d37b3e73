"""What an agent leaves behind, found by a mark in its arguments."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path


def new_mark() -> str:
    """A number of seconds that nobody else sleeps."""
    return f"3600.{os.getpid()}{time.monotonic_ns()}"


def sleepers(mark: str) -> list[int]:
    """The processes whose command line holds the mark as an argument."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[:2] == [b"sleep", mark.encode()]:
            found.append(int(process.name))
    return found


async def are(number: int, mark: str, within: float) -> bool:
    """A process has no command line for a moment while it starts: look until there are."""
    end = time.monotonic() + within
    while len(sleepers(mark)) != number:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True
