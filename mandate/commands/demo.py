"""``mandate demo``: the real thing in a minute, on a stack of its own.

Brings the whole stack up on free ports in a temporary directory, reviews a checkout with the
catalogue's ``code-review``, stops at its gate and shows the very line that answers it. On a
terminal a person types it (elsewhere); without one the demo runs that line itself, with the
real CLI. Then it shows the report, where to look, and what the ledger says.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHandle

from dsl.surfaces import Terminal
from integrations.artifacts.store import Artifacts
from integrations.ledger.verify import verify
from integrations.settings import read_settings
from mandate._entry import EXIT_FAILED
from mandate._path import app_dir
from mandate.commands.run import ADDRESS_MAX, Order, address, outcome, start
from mandate.stack import binaries
from mandate.stack.errors import StackError
from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from mandate.terminal import complain, note, say
from worker import connect

RUN: Final = "code-review-demo"
PIPELINE: Final = "code-review"
GATE: Final = "sign-off"
REPORT_LINES_MAX: Final = 60
GATE_WAIT_S: Final = 180
PERSON_WAIT_S: Final = 1_800


def run(workspace: Path | None) -> int:
    """Show everything once; return the exit code."""
    return asyncio.run(_demo((workspace or _here()).resolve()))


async def _demo(workspace: Path) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we are in it
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with tempfile.TemporaryDirectory(prefix="mandate-demo-") as folder:
        options = private_stack(
            Path(folder) / "data", settings={"MANDATE_WORKSPACE": str(workspace)}
        )
        say(Terminal("starting Temporal, OpenBao, Valkey and the workers ..."))
        try:
            async with Stack(options) as stack:
                return await _show(stack, workspace)
        except StackError as error:
            complain(error, "mandate demo")
            return error.exit_code
        except asyncio.CancelledError:
            return EXIT_FAILED


async def _show(stack: Stack, workspace: Path) -> int:
    settings = read_settings(stack.env)
    client = await connect(settings)
    say(Terminal.of("reviewing {}", workspace))
    handle = await start(client, Order(PIPELINE, {}, PIPELINE), RUN)
    page = address(stack.env, handle.id, handle.first_execution_run_id or "")
    say(Terminal.of("watch it: {}", page, limit=ADDRESS_MAX), Terminal())
    waiting = await _until_gate(handle)
    if waiting is not None:
        await _answer(handle, settings.temporal)
    code = await outcome(handle)
    if code == 0:
        await _report(handle, Artifacts(settings.artifacts))
    say(Terminal(), Terminal.of("the run in the Web UI: {}", page, limit=ADDRESS_MAX))
    return _ledger(settings.ledger) or code


async def _until_gate(handle: WorkflowHandle[Any, Any]) -> dict[str, Any] | None:
    """Return the pending gate; None when the run ended without asking."""
    async with asyncio.timeout(GATE_WAIT_S):
        result = asyncio.ensure_future(handle.result())
        try:
            while not result.done():
                pending = await handle.query("gates")
                if pending:
                    gate: dict[str, Any] = pending[0]
                    return gate
                await asyncio.sleep(0.2)
        finally:
            result.cancel()
            await asyncio.gather(result, return_exceptions=True)
    return None


async def _answer(handle: WorkflowHandle[Any, Any], temporal: str) -> None:
    line = vote_line(temporal, handle.id)
    say(Terminal("the run waits for team-lead. This line answers the gate:"), Terminal())
    say(Terminal.of("  {}", line), Terminal())
    if sys.stdin.isatty():
        say(Terminal.of("type it in another terminal ({} is the CLI),", binaries.temporal()))
        say(Terminal("or press Enter here and it is run for you."))
        if not await _person_answers(handle):
            await _type(line)
        return
    say(Terminal("no terminal here, so the demo runs that line itself:"))
    await _type(line)


def vote_line(temporal: str, workflow_id: str) -> str:
    """Return the command that approves the demo's gate."""
    vote = f'{{"gate":"{GATE}","decision":"approve","voter":"team-lead"}}'
    return (
        f"temporal workflow signal --address {temporal} -w {workflow_id} "
        f"--name vote --input '{vote}'"
    )


async def _person_answers(handle: WorkflowHandle[Any, Any]) -> bool:
    """Wait for a vote from elsewhere, or for Enter; tell whether the gate was answered."""
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), entered.set)
    try:
        async with asyncio.timeout(PERSON_WAIT_S):
            while not entered.is_set():
                if not await handle.query("gates"):
                    return True
                await asyncio.sleep(0.5)
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return False


async def _type(line: str) -> None:
    folder = str(binaries.temporal().parent)
    process = await asyncio.create_subprocess_exec(
        *shlex.split(line), env={**os.environ, "PATH": f"{folder}:{os.environ.get('PATH', '')}"}
    )
    if await process.wait() != 0:
        raise StackError(f"this line failed: {line}")


async def _report(handle: WorkflowHandle[Any, Any], artifacts: Artifacts) -> None:
    report = await handle.result()
    outputs = {o["name"]: o for o in report["stages"]["review"]["outputs"]}
    text = artifacts.get(outputs["report.md"]["digest"]).decode()
    lines = text.splitlines()
    say(Terminal(), *Terminal.excerpt(lines[:REPORT_LINES_MAX]))
    if len(lines) > REPORT_LINES_MAX:
        say(Terminal.of("... and {} lines more", len(lines) - REPORT_LINES_MAX))


def _ledger(path: Path) -> int:
    verdict = verify(path)
    if verdict.problems:
        note(Terminal("ledger: BROKEN"), *(Terminal.of("{}", each) for each in verdict.problems))
        return EXIT_FAILED
    sound = (verdict.entries, verdict.head[:16])
    say(Terminal.of("ledger: {} entries, chain verified, head {}", *sound))
    return 0


def _here() -> Path:
    """Return the checkout this command was installed from, else the current directory."""
    root = app_dir()
    return root if (root / "pyproject.toml").is_file() else Path.cwd()
