"""One supervised process: real ones, killed, frozen, deaf and dead on arrival."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mandate.stack import launch, process
from mandate.stack.errors import StackError
from mandate.stack.process import Child, Command
from tests.integration.stack.probes import eventually, is_alive
from tests.unit.mandate.programs import ROOT

LAUNCH = str(launch.__file__)
SAYS_READY = "print('ready', flush=True)"
WAITS = "import time; time.sleep(600)"
# In its first life it stays until it is told, so that it is seen to be ready however busy we are.
UNTIL_TOLD = "import os, sys, time\nwhile not os.path.exists({}): time.sleep(.01)\n"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


async def says_ready(child: Child) -> bool:
    return "ready\n" in child.output()


class Maker:
    """Makes children; ``reports`` is what they told of themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []
        self.reports: list[str] = []

    def __call__(self, program: str, **settings: float) -> Child:
        argv = (sys.executable, "-I", "-c", program)
        command = Command("it", argv, {}, self.folder / "it.log", says_ready, **settings)
        self.children.append(Child(command, self.reports.append))
        return self.children[-1]


@pytest.fixture
async def start(tmp_path):
    """Return a maker of children, all stopped at the end."""
    maker = Maker(tmp_path)
    yield maker
    for child in maker.children:
        await child.stop()


async def test_a_child_that_was_killed_is_started_again(start):
    child = start(f"{SAYS_READY}; {WAITS}")
    await child.start()
    first = child.pid
    os.kill(first, signal.SIGKILL)

    await eventually(lambda: child.pid not in {first, None})
    assert len(start.reports) == 1
    assert "it was killed by SIGKILL; it is started again in 0.2 s" in start.reports[0]


async def test_the_pause_before_a_restart_grows_up_to_a_limit(start, monkeypatch):
    monkeypatch.setattr(process, "RESTART_PAUSE_S_MIN", 0.01)
    monkeypatch.setattr(process, "RESTART_PAUSE_S_MAX", 0.04)
    told = start.folder / "told"
    child = start(f"{SAYS_READY}; {UNTIL_TOLD.format(repr(str(told)))}raise SystemExit(3)")
    await child.start()
    told.touch()

    await eventually(lambda: len(start.reports) >= 4)
    pauses = [report.split(" s (")[0].rsplit(" ", 1)[1] for report in start.reports[:4]]
    assert pauses == ["0.01", "0.02", "0.04", "0.04"]
    assert all("ended with exit code 3" in report for report in start.reports)


async def test_a_child_that_stayed_up_is_started_again_without_the_long_pause(start, monkeypatch):
    monkeypatch.setattr(process, "STEADY_S", 0.05)
    told = start.folder / "told"
    child = start(f"{SAYS_READY}; {UNTIL_TOLD.format(repr(str(told)))}time.sleep(.15)")
    await child.start()
    told.touch()

    await eventually(lambda: len(start.reports) >= 2)
    assert all("in 0.2 s" in report for report in start.reports[:2])


async def test_a_child_that_dies_before_it_is_ready_fails_the_start_with_its_last_words(start):
    child = start("raise SystemExit('port 7233 is mine')")

    with pytest.raises(StackError, match="ended with exit code 1 before it was ready") as failure:
        await child.start()
    assert "    port 7233 is mine" in str(failure.value)
    assert start.reports == []


async def test_a_program_that_does_not_exist_fails_the_start(tmp_path):
    argv = (str(tmp_path / "missing"),)
    child = Child(Command("it", argv, {}, tmp_path / "it.log", says_ready), print)

    with pytest.raises(StackError, match="before it was ready"):
        await child.start()


async def test_a_log_of_an_earlier_day_makes_no_child_ready(start, tmp_path):
    (tmp_path / "it.log").write_text("ready\n")
    child = start(WAITS, start_timeout_s=0.5)

    with pytest.raises(StackError, match=r"is not ready after 0.5 s") as failure:
        await child.start()
    assert "(nothing)" in str(failure.value)
    assert child.pid is None


async def test_a_deaf_child_is_killed_when_its_time_is_over(start):
    child = start(f"{DEAF}; {SAYS_READY}; {WAITS}", stop_timeout_s=0.2)
    await child.start()
    pid = child.pid
    await child.stop()

    assert not is_alive(pid)
    assert start.reports == []


async def test_a_frozen_child_is_killed_when_its_time_is_over(start):
    child = start(f"{SAYS_READY}; {WAITS}", stop_timeout_s=0.2)
    await child.start()
    pid = child.pid
    os.kill(pid, signal.SIGSTOP)
    await child.stop()

    assert not is_alive(pid)


async def test_a_child_stopped_while_it_waits_for_its_restart_stays_down(start):
    child = start(f"{SAYS_READY}; {WAITS}")
    await child.start()
    os.kill(child.pid, signal.SIGKILL)
    await eventually(lambda: bool(start.reports))
    await child.stop()
    await asyncio.sleep(process.RESTART_PAUSE_S_MIN * 2)

    assert child.pid is None


async def test_a_child_stopped_in_the_moment_it_is_made_stays_down(start):
    child = start(f"{SAYS_READY}; {WAITS}", stop_timeout_s=2)
    starting = asyncio.create_task(child.start())
    await asyncio.sleep(0)
    await child.stop()

    with pytest.raises(StackError):
        await starting
    assert child.pid is None


async def test_stopping_twice_and_stopping_what_never_started_are_harmless(start):
    child = start(f"{SAYS_READY}; {WAITS}")
    await child.stop()
    other = start(f"{SAYS_READY}; {WAITS}")
    await other.start()
    await other.stop()
    await other.stop()

    assert other.pid is None


async def test_ctrl_c_in_the_terminal_reaches_no_child(start):
    child = start(f"{SAYS_READY}; {WAITS}")
    await child.start()

    assert os.getsid(child.pid) == child.pid


async def test_what_a_child_writes_is_private(start, tmp_path):
    child = start(f"open({str(tmp_path / 'made')!r}, 'w'); {SAYS_READY}; {WAITS}")
    await child.start()

    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "it.log").stat().st_mode & 0o777 == 0o600


async def test_a_large_log_is_set_aside(start, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LOG_BYTES_MAX", 10)
    (tmp_path / "it.log").write_text("x" * 11)
    child = start(f"{SAYS_READY}; {WAITS}")
    await child.start()

    assert (tmp_path / "it.log").read_text() == "ready\n"
    assert (tmp_path / "it.log.1").read_text() == "x" * 11


def test_children_die_with_a_supervisor_that_is_killed(tmp_path):
    program = f"""
import asyncio, sys
from pathlib import Path
from mandate.stack.process import Child, Command
async def says_ready(child): return "ready" in child.output()
async def main():
    argv = (sys.executable, "-I", "-c", {f"{DEAF}; {SAYS_READY}; {WAITS}"!r})
    child = Child(Command("it", argv, {{}}, Path({str(tmp_path / "log")!r}), says_ready), print)
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert is_alive(pid)
        supervisor.kill()

    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_whose_supervisor_is_gone_already_does_not_start(tmp_path):
    stranger = str(os.getppid())  # not the parent of what we start
    begun = tmp_path / "begun"
    ended = subprocess.run([sys.executable, LAUNCH, stranger, "/bin/touch", begun], check=False)

    assert ended.returncode == 1
    assert not begun.exists()
