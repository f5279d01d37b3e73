"""A tool server that is struck in the midst of a call, and one that says nothing of what it did."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.chaos import agents, servers
from integrations.chaos.fault import Fault, NotOursError
from integrations.chaos.own import OwnProcesses
from integrations.chaos.processes import Death, Standstill
from integrations.chaos.servers import LostAnswer, StruckServer
from tests.integration.stack.probes import eventually

ARGUMENTS = {"run": "r-1", "objective": "o"}
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "publish", "arguments": ARGUMENTS},
}


@pytest.fixture
def register(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The register, which waits to be called."""
    program = Path(agents.__file__).with_name("register.py")
    words = [sys.executable, str(program), str(tmp_path), str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        yield running
        running.kill()


async def struck(fault: Fault, folder: Path, register: subprocess.Popen[bytes]) -> None:
    """Strike, and have it called when the order lies there."""
    striking = asyncio.create_task(fault.strike())
    await eventually((folder / "r-1.publish").exists)
    assert register.stdin is not None
    register.stdin.write(json.dumps(CALL).encode() + b"\n")
    register.stdin.flush()
    await striking


def kept(folder: Path) -> str:
    file = folder / "publish"
    return file.read_text() if file.exists() else ""


async def test_one_that_is_killed_in_a_call_has_done_nothing(tmp_path, register):
    ours = OwnProcesses(str(tmp_path))
    killed = StruckServer(tmp_path / "r-1.publish", ours, Death)
    await struck(killed, tmp_path, register)

    assert await killed.fired()
    assert register.wait() == -9
    assert (kept(tmp_path), list(tmp_path.iterdir())) == ("", [])


async def test_one_that_stands_still_goes_on_when_that_is_undone(tmp_path, register):
    hangs = StruckServer(tmp_path / "r-1.publish", OwnProcesses(str(tmp_path)), Standstill)
    await struck(hangs, tmp_path, register)

    assert await hangs.fired()
    assert kept(tmp_path) == ""
    await hangs.undo()
    await hangs.undo()
    assert b"publish: done" in register.stdout.readline()
    assert json.loads(kept(tmp_path)) == ARGUMENTS


async def test_one_whose_answer_is_lost_has_done_what_it_was_asked(tmp_path, register):
    lost = LostAnswer(tmp_path / "r-1.publish", lambda: bool(kept(tmp_path)))
    await struck(lost, tmp_path, register)

    assert await lost.fired()
    assert register.stdout.read() == b""


async def test_an_order_that_nobody_takes_is_taken_back_and_was_none(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "CALLED_WITHIN_S", 0.05)
    ours = OwnProcesses(str(tmp_path))
    for fault in (
        StruckServer(tmp_path / "r-1.publish", ours, Death),
        LostAnswer(tmp_path / "r-1.publish", lambda: True),
    ):
        with pytest.raises(NotOursError, match="no tool server was called in time"):
            await fault.strike()
        await fault.undo()
        assert (await fault.fired(), list(tmp_path.iterdir())) == (False, [])
