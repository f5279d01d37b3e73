"""What the roster says of an agent's processes is what the machine says of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from integrations.agents.contract.protocol import AgentError
from integrations.agents.processes.roster import Roster
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import CorruptError, DeniedError, UnavailableError

AGENT = "some-agent"


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    return Roster(tmp_path)


def files(folder: Path) -> list[Path]:
    [directory] = folder.glob("mandate-agents-*")
    return sorted(directory.iterdir())


def mode(folder: Path) -> int:
    [directory] = folder.glob("mandate-agents-*")
    return directory.stat().st_mode & 0o777


async def until_listed(roster: Roster) -> int:
    """Wait until a process is listed; return its keeper's pid."""
    async with asyncio.timeout(60):
        while True:
            for running in roster.alive(AGENT):
                assert running.worker == os.getpid()
                return running.keeper
            await asyncio.sleep(0.01)


async def test_a_running_agent_is_listed_by_whoever_reads_and_gone_when_it_ended(
    run, namespaces, roster: Roster, tmp_path: Path
):
    async def work() -> None:
        with roster.listed(AGENT, "instance") as start:
            await run(
                "hostile",
                {"do": "ignore_sigterm", "mark": "300"},
                sandbox=SandboxSpec(namespaces=namespaces),
                on_start=start,
            )

    assert roster.alive(AGENT) == []
    task = asyncio.create_task(work())
    await until_listed(roster)
    assert len(Roster(tmp_path).alive(AGENT)) == 1
    assert Roster(tmp_path).alive("another-agent") == []
    assert mode(tmp_path) == 0o700

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert roster.alive(AGENT) == []
    assert files(tmp_path) == []


async def test_a_keeper_that_was_killed_is_not_taken_for_alive(run, roster: Roster, tmp_path: Path):
    async def work() -> None:
        with roster.listed(AGENT, "instance") as start:
            await run("hostile", {"do": "ignore_sigterm", "mark": "300"}, on_start=start)

    task = asyncio.create_task(work())
    os.kill(await until_listed(roster), signal.SIGKILL)
    with pytest.raises((AgentError, UnavailableError)):  # before the agent began, or after
        await task

    assert roster.alive(AGENT) == []


def left_behind(roster: Roster, tmp_path: Path, **changed: object) -> Path:
    """Write the file of a worker that was killed, about this very process."""
    before = files(tmp_path) if list(tmp_path.iterdir()) else []
    with roster.listed(AGENT, "instance") as start:
        start(os.getpid())
        [file] = set(files(tmp_path)) - set(before)
        said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, **changed}))
    return file


def test_a_pid_that_was_used_again_is_not_taken_for_the_agent(roster: Roster, tmp_path: Path):
    left_behind(roster, tmp_path)
    assert len(roster.alive(AGENT)) == 1
    file = left_behind(roster, tmp_path, started="1")

    assert [each.started for each in roster.alive(AGENT)] != ["1"]
    assert len(roster.alive(AGENT)) == 1
    assert roster.sweep() == []  # its worker is alive
    assert not file.exists()
    assert len(files(tmp_path)) == 1  # of a process that lives


def test_what_cannot_be_read_confirms_nothing(roster: Roster, tmp_path: Path):
    left_behind(roster, tmp_path).write_text("{")

    with pytest.raises(CorruptError, match="remove it"):
        roster.alive(AGENT)


def test_what_cannot_be_read_keeps_no_worker_from_starting(roster: Roster, tmp_path: Path):
    unreadable = left_behind(roster, tmp_path)
    unreadable.write_text("{")
    gone = left_behind(roster, tmp_path, started="1")

    assert roster.sweep() == []
    assert roster.orphans() == []
    assert (unreadable.exists(), gone.exists()) == (True, False)


def test_what_another_release_says_beside_is_passed_over(roster: Roster, tmp_path: Path):
    left_behind(roster, tmp_path, moon="full")

    assert [each.agent for each in roster.alive(AGENT)] == [AGENT]


def test_a_directory_that_others_may_enter_is_not_used(roster: Roster, tmp_path: Path):
    (tmp_path / f"mandate-agents-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"mandate-agents-{os.getuid()}").chmod(0o777)

    with pytest.raises(DeniedError, match="this user alone"):
        roster.alive(AGENT)
    with roster.listed(AGENT, "instance") as start, pytest.raises(DeniedError):
        start(os.getpid())


async def test_an_agent_that_cannot_be_listed_is_not_started(run, tmp_path: Path):
    (tmp_path / f"mandate-agents-{os.getuid()}").write_text("no directory")

    with Roster(tmp_path).listed(AGENT, "instance") as start, pytest.raises(DeniedError):
        await run("hostile", {"do": "ignore_sigterm", "mark": "300"}, on_start=start)
