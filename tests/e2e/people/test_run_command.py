"""``mandate run --wait`` against a stack that is up: the board, the exit code, the ledger."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.fixtures.stack import MandateUp

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = """
name: {name}
version: "1"
inputs:
  folder: {{type: string, default: "."}}
stages:
  - name: look
    type: agent
    template: default
    config: {{inputs: {{path: "${{{{ inputs.folder }}}}"}}}}
  - {{name: review, type: gate, requires: [look], config: {{approvers: [ann]}}}}
"""


async def _run(stack: MandateUp, file: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mandate", "run", str(file), *words),
        cwd=ROOT,
        env={**os.environ, **stack.env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _line(process: asyncio.subprocess.Process, start: str) -> str:
    """Read what the command says up to the line that begins with ``start``."""
    assert process.stdout
    async with asyncio.timeout(90):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(start):
                return line
    raise AssertionError(f"the command ended without saying {start!r}")


async def test_a_run_that_completes_ends_with_exit_code_0(mandate_up: MandateUp, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(DOCUMENT.format(name="run-command-a"))
    process = await _run(mandate_up, file, "--input", "folder=.", "--wait")
    run_id = (await _line(process, "run ")).split()[1]
    await _line(process, "completed  look")
    await _line(process, "waiting    review")
    await mandate_up.vote(run_id, "review")
    out, _ = await process.communicate()
    said = out.decode()

    assert process.returncode == 0, said
    assert "completed  review" in said
    assert "completed; ledger entries" in said


async def test_a_run_that_is_cancelled_ends_with_exit_code_1(mandate_up: MandateUp, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(DOCUMENT.format(name="run-command-b"))
    process = await _run(mandate_up, file, "--wait")
    run_id = (await _line(process, "run ")).split()[1]
    await _line(process, "waiting    review")
    client = await mandate_up.client()
    await client.get_workflow_handle(run_id).cancel()
    out, _ = await process.communicate()

    assert process.returncode == 1
    assert "cancelled: " in out.decode()
