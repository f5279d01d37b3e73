"""The board of ``mandate run --wait`` on a terminal and in a pipe, the fifty in every field."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from dsl.shown.foreign import legible
from tests.fixtures.hostile.foreign_texts import SENDABLE, faults
from tests.unit.mandate.programs import ROOT, environment

ROWS, COLUMNS = 200, 2_000  # nothing is left out, nothing wraps
WITHIN_S = 30.0
# Each fits on the board, which shows the foremost of more.
halves = pytest.mark.parametrize("texts", [SENDABLE[:25], SENDABLE[25:]], ids=["first", "second"])
WATCH = """
import sys
from temporalio.client import Client
from mandate._entry import run_main
from mandate.board import watch

async def main():
    client = await Client.connect(sys.argv[1])
    await watch(client.get_workflow_handle(sys.argv[2]))

run_main(main)
"""
# All that the library sends to draw a board: colours, the cursor, the erasing of its own lines.
DRAWING = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[\d*A|\x1b\[2K|\r")


@workflow.defn(name="Told")
class Told:
    """A run that is none of ours, and answers as if it were."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._seen = False

    @workflow.run
    async def run(self, texts: list[str]) -> None:
        self._texts = texts
        await workflow.wait_condition(lambda: self._seen)

    @workflow.signal
    def seen(self) -> None:
        self._seen = True

    @workflow.query
    def status(self) -> dict[str, Any]:
        first = self._texts[0]
        return {
            "pipeline": first,
            "version": first,
            "stages": {
                text: {"type": text, "status": text, "detail": text} for text in self._texts
            },
            "waiting_for": [
                {"gate": text, "approvers": [text], "due": text} for text in self._texts
            ],
        }


@asynccontextmanager
async def told(
    temporal: WorkflowEnvironment, texts: Sequence[str]
) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    queue = f"told-{uuid.uuid4()}"
    worker = Worker(
        temporal.client,
        task_queue=queue,
        workflows=[Told],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        yield await temporal.client.start_workflow(
            "Told", list(texts), id=f"told-{uuid.uuid4()}", task_queue=queue
        )


async def watched(
    temporal: WorkflowEnvironment, texts: Sequence[str], output: int, output_read: int
) -> str:
    """Let a process of its own watch the run; return all that it wrote until the run ended."""
    size = {"COLUMNS": str(COLUMNS), "LINES": str(ROWS), "TERM": "xterm-256color"}
    written = bytearray()
    everything, ended = asyncio.Event(), asyncio.Event()

    def more() -> None:
        try:
            part = os.read(output_read, 1 << 16)
        except OSError:  # the other end of a terminal is closed
            part = b""
        written.extend(part)
        if legible(texts[-1]).encode() in written:
            everything.set()
        if not part:
            asyncio.get_running_loop().remove_reader(output_read)
            ended.set()

    async with told(temporal, texts) as handle, asyncio.timeout(WITHIN_S):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WATCH),
            *(temporal.client.service_client.config.target_host, handle.id),
            cwd=ROOT,
            env=environment(size),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
        )
        os.close(output)
        asyncio.get_running_loop().add_reader(output_read, more)
        await everything.wait()
        await handle.signal("seen")
        assert await process.wait() == 0
        await ended.wait()
    os.close(output_read)
    return written.decode()


@halves
async def test_a_terminal_obeys_nothing_that_others_wrote(
    temporal: WorkflowEnvironment, texts: Sequence[str]
):
    screen, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    shown = DRAWING.sub("", await watched(temporal, texts, ours, screen))

    rows = [line.strip("│ ").split("│") for line in shown.split("\n") if line.startswith("│")]
    drawn = {cell.strip() for row in rows for cell in row}
    assert [text for text in texts if legible(text).strip() not in drawn] == []
    assert {len(row) for row in rows} == {4}
    assert [faults(line) for line in shown.split("\n") if faults(line)] == []


@halves
async def test_nor_does_whoever_reads_it_from_a_pipe(
    temporal: WorkflowEnvironment, texts: Sequence[str]
):
    reading, writing = os.pipe()

    shown = await watched(temporal, texts, writing, reading)

    lines = shown.rstrip("\n").split("\n")
    answers = [line for line in lines if line.startswith("  ")]  # how each gate is answered
    assert (len(lines) - len(answers), len(answers)) == (len(texts), len(texts))
    assert [faults(line) for line in lines if faults(line)] == []
