"""Worker processes that are measured, apart from the load generator."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from mandate.stack.up import Stack


@asynccontextmanager
async def worker(
    kind: str, stack: Stack, settings: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """Run one worker process; yield its pid. What it says goes to a file in the data directory."""
    log = stack.data_dir / f"bench-{kind}.log"
    with log.open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.worker_process",
            kind,
            env={
                **stack.env,
                **(settings or {}),
                "PATH": "/usr/bin:/bin",
                "HOME": str(stack.data_dir),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
        )
    assert process.stdout
    try:
        line = await process.stdout.readline()
        assert line == b"ready\n", f"the {kind} worker did not start: {log.read_text()}"
        yield process.pid
    finally:
        process.kill()
        await process.wait()
