"""The README's session from the Temporal CLI, typed line by line into one shell.

Real: the embedded stack with its workers, its people, the sandboxed agents, the Temporal CLI. Lines
are typed as they stand, one after the other, and nothing is waited for in between: what has to be
waited for, a line of the page waits for. ``mandate up`` itself and ``make`` have tests and checks
of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from tests.docs.blocks import ROOT, Block, blocks_of
from tests.fixtures.servers.temporal import temporal_cli
from tests.unit.mandate.programs import environment

LINE_S: Final = 90.0
DONE: Final = "line-done"
RUN: Final = "deploy-1"

README = [block for block in blocks_of(ROOT / "README.md") if block.language == "console"]
OPERATIONS = [b for b in blocks_of(ROOT / "docs" / "operations.md") if b.language == "console"]


class Shell:
    """One shell for the whole session, so that what is sourced stays."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def types(self, line: str) -> str:
        """Run a line that must succeed; return all it wrote."""
        code, said = await self.tries(line)
        assert code == 0, f"{line}\n{said}"
        return said

    async def tries(self, line: str) -> tuple[int, str]:
        """Run a line; return its exit status and all it wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f'{line}\nprintf "\\n{DONE} %s\\n" $?\n'.encode())
        said = ""
        async with asyncio.timeout(LINE_S):
            while not (word := (await self._process.stdout.readline()).decode()).startswith(DONE):
                assert word, f"the shell ended: {said}"
                said += word
        return int(word.split()[1]), said

    async def types_all(self, lines: list[str]) -> dict[str, str]:
        """Type lines one after the other; return what each has said."""
        return {line: await self.types(line) for line in lines}


@pytest_asyncio.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A directory of its own, where ``mandate up`` would have put ``.mandate``."""
    place = tmp_path_factory.mktemp("readme")
    (pipeline,) = (b for b in blocks_of(ROOT / "README.md") if b.language == "yaml")
    (place / "my.yaml").write_text(pipeline.text)
    (place / "main.py").write_text("print()\n")
    make_programs(place / "bin")
    workspace = {"MANDATE_WORKSPACE": str(place)}
    options = private_stack(place / ".mandate", settings=workspace, trial=True)
    async with Stack(options):
        yield place


@pytest_asyncio.fixture(scope="module")
async def shell(folder: Path) -> AsyncIterator[Shell]:
    async with terminal(folder) as shell:
        yield shell


@contextlib.asynccontextmanager
async def terminal(folder: Path) -> AsyncIterator[Shell]:
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh",),
        cwd=folder,
        env=environment(
            {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "MANDATE_HOME": str(folder / "home")}
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        shell = Shell(process)
        await shell.types(". .mandate/env")
        yield shell
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def make_programs(folder: Path) -> None:
    """Make what ``.venv/bin`` holds, also where we are not installed."""
    folder.mkdir()
    (folder / "temporal").symlink_to(temporal_cli())
    command = folder / "mandate"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m mandate "$@"\n')
    command.chmod(0o755)
    (folder / "python3").symlink_to(sys.executable)


def block_with(blocks: list[Block], words: str) -> list[str]:
    (block,) = (block for block in blocks if words in block.text)
    return block.commands


def answer(said: dict[str, str], words: str) -> str:
    (found,) = (text for line, text in said.items() if words in line)
    return found


async def test_the_first_real_approval_counts_and_so_does_one_over_the_plain_cli(shell: Shell):
    said = await shell.types_all(block_with(README, "mandate login"))

    assert "logged in as ann" in answer(said, "mandate login")
    assert "waiting for 1 more of: group:sre" in answer(said, "mandate gates")
    assert "mandate approve first-1 sign-off --reason ..." in answer(said, "mandate gates")
    assert "  | # release-check: review" in answer(said, "mandate artifact show")
    assert "counted: approve at sign-off; approved by ann" in answer(said, "mandate approve")
    assert "COMPLETED" in answer(said, "workflow result")

    said = await shell.types_all(block_with(README, "mandate sign"))

    assert "Signal workflow succeeded" in answer(said, "mandate sign")
    assert "COMPLETED" in answer(said, "workflow result")


async def test_a_run_is_started_found_answered_read_and_repeated(shell: Shell):
    said = await shell.types_all(block_with(README, "workflow list"))

    assert "review" in answer(said, "--type status")
    assert "team-lead" in answer(said, "--type status")
    assert "infrastructure-deploy" in answer(said, "workflow list")
    assert "Signal workflow succeeded" in answer(said, "workflow signal")
    assert "COMPLETED" in answer(said, "workflow result")

    show, reset = block_with(OPERATIONS, "workflow reset")
    (checkpoints,) = json.loads(await shell.types(f"{show} -o json"))["queryResult"]
    (plan,) = (each for each in checkpoints if each["before"] == "plan")
    # Which event it is depends on the run: the one word a person fills in.
    line = re.sub(r"--event-id \d+", f"--event-id {plan['event_id']}", reset)

    assert "workflow reset" in reset
    assert f"Resetting workflow {RUN}" in await shell.types(line)
    await shell.types(f"mandate gates {RUN} --wait")  # what was voted before is void
    await shell.types(f"temporal workflow cancel -w {RUN}")
    await shell.tries(f"temporal workflow result -w {RUN}")


async def test_an_update_answers_with_the_verdict_and_refuses_a_wrong_voter_by_name(shell: Shell):
    *begun, update, result = block_with(README, "update execute")
    history = "temporal workflow show -w deploy-2 -o json"
    await shell.types_all(begun)
    before = json.loads(await shell.types(history))["events"]
    code, refusal = await shell.tries(update.replace("team-lead", "mallory"))
    after = json.loads(await shell.types(history))["events"]
    said = await shell.types_all([update, result])

    assert code != 0
    assert "mallory" in refusal
    assert len(before) == len(after)
    assert "verdict:passed" in answer(said, "update execute")
    assert "COMPLETED" in answer(said, "workflow result")


async def test_a_pipeline_of_ones_own_is_checked_and_run_from_its_file(shell: Shell, folder: Path):
    validate, start, run = block_with(README, "mandate validate")

    assert "my.yaml: ok: release-check" in await shell.types(validate)
    assert "Pipeline" in await shell.types(start)
    async with terminal(folder) as other:
        lead = asyncio.create_task(approve_all(other, "sign-off", "read it"))
        try:
            said = await shell.types(run)
        finally:
            lead.cancel()
            await asyncio.gather(lead, return_exceptions=True)

    assert "publish" in said
    assert "completed" in said


async def approve_all(shell: Shell, gate: str, reason: str) -> None:
    """Answer every gate of that name, as ann does at the inbox, until cancelled."""
    while True:
        rows = await shell.types("mandate gates --json")
        for row in (json.loads(line) for line in rows.splitlines() if line.startswith("{")):
            if row.get("gate") == gate:
                # Another line may have answered it meanwhile: that is no failure here.
                await shell.tries(f"mandate approve {row['run']} {gate} --reason '{reason}'")
        await asyncio.sleep(0.2)


async def test_the_ledger_verifies_and_the_doctor_finds_nothing(shell: Shell):
    runs, verify, doctor = block_with(README, "ledger verify")

    assert "deploy-2" in await shell.types(runs)
    assert ".mandate/ledger.db: ok, " in await shell.types(verify)
    assert await shell.types(doctor)


async def test_a_change_of_production_is_tried_out_and_marked_as_a_trial(shell: Shell):
    said = await shell.types_all(block_with(README, "production-change"))

    assert "counted: approve at review; approved by ann" in answer(said, "mandate approve")
    assert "COMPLETED" in answer(said, "workflow result")
    shown = answer(said, "agent show")
    assert "tier        T3 (executor)" in shown
    assert "TRIAL       lent by `mandate up --trial`: nobody has consented" in shown
    assert "T3 (trial)" in await shell.types("mandate agents")


async def test_an_agent_is_looked_at_and_stopped_with_a_receipt(shell: Shell):
    said = await shell.types_all(block_with(README, "mandate revoke"))
    receipt = answer(said, "mandate revoke").splitlines()

    assert "infrastructure-deploy.plan" in answer(said, "mandate agents")
    assert "needed" in answer(said, "mandate agent show")
    assert len([line for line in receipt if line.startswith("confirmed")]) > 5
    assert not [line for line in receipt if line.startswith("NOT")]
    assert "revoked" in await shell.types("mandate agents")
