"""Nothing an agent starts outlives it, whoever ends first and however.

A marked ``sleep`` stands for what an agent leaves behind; it is looked for in the process
table of the machine. Both ways of holding the tree together are tried. What is left alone sleeps
for an hour, and no test waits so long: a run that returns has ended it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrations.agents.contract.protocol import AgentError
from integrations.agents.keeper import process as keeping
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import UnavailableError
from tests.integration.agents.marks import are, sleepers

ORPHANED_WITHIN_S = 2.0
HALTED_WITHIN_S = 1.0
ROOT = Path(__file__).resolve().parents[3]

WORKER = """
import asyncio, sys, time
from pathlib import Path
from dsl.core import AgentPhase, Tier
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.contract.protocol import Request
from integrations.agents.runner import ProcessRunner
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.clock import boottime
from integrations.redaction import Redactor

file, directory, mark, namespaces = sys.argv[1:]
request = Request("run", "stage", AgentPhase.EXECUTE, 1, time.time() + 60, Path(directory),
                  Tier.T0, {"do": "ignore_sigterm", "mark": mark})
asyncio.run(ProcessRunner().run(
    Program.from_file("hostile", Path(file)), request, timeout_s=60, redact=Redactor(),
    lifeline=Lifeline(boottime() + 60),
    sandbox=SandboxSpec(namespaces=namespaces == "True"),
    on_event=lambda event: print("running", flush=True)))
"""


@pytest.mark.parametrize("do", ["daemon", "child_keeps_stdout", "fork_many", "fork_on"])
async def test_what_an_agent_leaves_behind_ends_with_it(run, namespaces, mark, do):
    outcome = await run(
        "hostile", {"do": do, "mark": mark}, sandbox=SandboxSpec(namespaces=namespaces)
    )

    assert outcome.result.ok
    assert sleepers(mark) == []


@pytest.mark.parametrize("do", ["hang", "ignore_sigterm"])
async def test_an_agent_that_hangs_is_ended_at_its_timeout(run, namespaces, mark, do):
    with pytest.raises(AgentError, match=r"no result in 0\.4 s") as caught:
        await run(
            "hostile",
            {"do": do, "mark": mark},
            timeout_s=0.4,
            sandbox=SandboxSpec(namespaces=namespaces),
        )

    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
    assert sleepers(mark) == []


async def test_cancelling_leaves_nothing(run, namespaces, mark):
    hanging = asyncio.Event()
    task = asyncio.create_task(
        run(
            "hostile",
            {"do": "ignore_sigterm", "mark": mark},
            sandbox=SandboxSpec(namespaces=namespaces),
            on_event=lambda event: hanging.set(),
        )
    )
    await hanging.wait()
    assert await are(1, mark, within=60)

    task.cancel()
    await asyncio.sleep(0.05)
    task.cancel()  # the impatient too must wait for the end
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sleepers(mark) == []


async def test_an_agent_that_is_halted_is_gone_within_a_second(run, namespaces, mark):
    took_s = []
    for _ in range(3):  # the machine may be busy with others
        halt = asyncio.get_running_loop().create_future()
        sandbox = SandboxSpec(namespaces=namespaces)
        given = {"do": "ignore_sigterm", "mark": mark}
        task = asyncio.create_task(run("hostile", given, sandbox=sandbox, halt=halt))
        assert await are(1, mark, within=60)

        since = time.monotonic()
        halt.set_exception(AgentError("budget", "it has spent it", retryable=False))
        assert await are(0, mark, within=60)
        took_s.append(time.monotonic() - since)
        with pytest.raises(AgentError, match="it has spent it"):
            await task

    assert min(took_s) < HALTED_WITHIN_S


async def test_killing_the_worker_ends_the_agent_at_once(private, namespaces, mark):
    agents = ROOT / "tests" / "fixtures" / "agents"
    took_s = []
    for _ in range(3):  # the machine may be busy with others
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WORKER, agents / "hostile.py", private, mark, str(namespaces)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert worker.stdout is not None
        assert await worker.stdout.readline() == b"running\n"
        assert await are(1, mark, within=60)
        worker.kill()
        await worker.wait()

        since = time.monotonic()
        assert await are(0, mark, within=60)
        took_s.append(time.monotonic() - since)
        if took_s[-1] < ORPHANED_WITHIN_S:
            break

    assert min(took_s) < ORPHANED_WITHIN_S  # not when its lease has run out


async def test_killing_the_keeper_ends_the_agent(run, mark):
    keepers: list[int] = []

    def kill_keeper(event):
        for file in Path("/proc/self/task").glob("*/children"):
            keepers.extend(int(pid) for pid in file.read_text().split())
        for pid in keepers:
            if b"keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(AgentError, match="keeper vanished") as caught:
        await run("hostile", {"do": "hang", "mark": mark}, on_event=kill_keeper)

    assert (caught.value.kind, caught.value.retryable) == ("keeper", True)
    assert await are(0, mark, within=60)


async def test_a_machine_that_starts_no_keeper_is_no_failure_of_the_agent(run, monkeypatch):
    monkeypatch.setattr(keeping, "_KEEPER", Path("/nowhere/keeper.py"))

    with pytest.raises(UnavailableError, match="no agent starts on this machine: its keeper ended"):
        await run("hostile", {"do": "nothing"})


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_runs_leave_no_descriptor_open(run):
    for _ in range(3):
        await run("hostile", {"do": "closes_stdin"})
    before = open_descriptors()
    for _ in range(5):
        await run("hostile", {"do": "closes_stdin"})

    assert open_descriptors() <= before
