"""Worker processes that are measured, apart from the load generator."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mandate.stack.up import Stack


@asynccontextmanager
async def worker(kind: str, stack: Stack) -> AsyncIterator[int]:
    """Run one worker process; yield its pid."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.worker_process",
        kind,
        env={**stack.env, "PATH": "/usr/bin:/bin", "HOME": str(stack.data_dir)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        line = await process.stdout.readline()
        assert line == b"ready\n", f"the {kind} worker did not start"
        yield process.pid
    finally:
        process.kill()
        await process.wait()
