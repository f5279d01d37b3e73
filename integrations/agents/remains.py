"""What an agent leaves behind: looked at when nothing of it is alive, and told however it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from integrations.agents import workdir
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import Artifact
from integrations.agents.contract.transcript import Transcript
from integrations.agents.keeper.process import Process
from integrations.redaction import Redactor


def collected(
    process: Process,
    directory: Path,
    transcript: Transcript,
    redact: Redactor,
    *,
    lenient: bool = False,
) -> tuple[Artifact, ...]:
    """Return the artifacts that it has announced, checked."""
    announced, found_in = transcript.artifacts, process.directory
    return workdir.collect(directory, announced, redact, found_in=found_in, lenient=lenient)


async def tell_left(
    on_left: Callable[[Left], None],
    transcript: Transcript,
    collecting: Callable[[], tuple[Artifact, ...]],
) -> None:
    """Tell what an agent has left that does not deliver; nothing of it is alive."""
    artifacts = await asyncio.to_thread(collecting)
    lines = await asyncio.to_thread(transcript.log.lines)
    on_left(Left(lines, artifacts, transcript.log.last_step))
