"""Nothing is done to what was not started for an experiment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.chaos.fault import NotOursError
from integrations.chaos.own import OwnProcesses, OwnTarget, own_address
from integrations.chaos.processes import Death, FullDisk, Standstill
from tests.integration.stack.probes import eventually

WAITS = "import time; time.sleep(600)"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours: it has our folder in its arguments."""
    with subprocess.Popen([sys.executable, "-c", WAITS, str(tmp_path)]) as running:
        yield running
        running.kill()


async def test_a_process_of_ours_is_known_by_its_mark(tmp_path, process):
    await eventually(lambda: OwnProcesses(str(tmp_path)).marked() == [process.pid])
    ours = OwnProcesses(str(tmp_path))

    assert ours.target(process.pid).is_alive
    for stranger in (1, os.getpid(), os.getppid()):
        with pytest.raises(NotOursError):
            ours.target(stranger)


async def test_a_pid_that_was_given_to_another_is_not_struck(tmp_path, process):
    with pytest.raises(NotOursError):
        OwnTarget(process.pid, since="1").signal(signal.SIGKILL)

    assert process.poll() is None


@pytest.mark.parametrize(
    "url",
    ["10.0.0.1:15000", "redis://127.0.0.1:15001", "example.org:15000", "127.0.0.1", "[::2]:15000"],
)
def test_an_address_that_is_not_ours_is_refused(url):
    with pytest.raises(NotOursError):
        own_address(url, [15000])


def test_an_address_of_ours_is_taken():
    assert own_address("redis://127.0.0.1:15000", [15000]) == ("127.0.0.1", 15000)


async def test_a_kill_is_seen_to_have_happened(tmp_path, process):
    await eventually(lambda: OwnProcesses(str(tmp_path)).marked() == [process.pid])
    death = Death(OwnProcesses(str(tmp_path)).target(process.pid))

    await death.strike()
    assert await death.fired()
    await death.undo()
    with pytest.raises(NotOursError):
        await death.strike()


async def test_a_process_stands_still_until_that_is_undone(tmp_path, process):
    await eventually(lambda: OwnProcesses(str(tmp_path)).marked() == [process.pid])
    target = OwnProcesses(str(tmp_path)).target(process.pid)
    still = Standstill(target)

    await still.undo()  # harmless before it was done
    await still.strike()
    assert await still.fired()
    await still.undo()
    await still.undo()

    await eventually(lambda: not target.is_stopped)
    assert await still.fired()  # it was


async def test_a_disk_is_full_for_one_process_until_that_is_undone(tmp_path, process):
    await eventually(lambda: OwnProcesses(str(tmp_path)).marked() == [process.pid])
    full = FullDisk(OwnProcesses(str(tmp_path)).target(process.pid))

    assert not await full.fired()
    await full.strike()
    assert await full.fired()
    await full.undo()
    assert not await full.fired()
