"""An agent does not outlive its lease, whoever stands still: worker, keeper, or all of them.

A marked ``sleep`` stands for the agent's tree, see ``test_containment``. It is looked for in the
process table of the machine, at the moment at which somebody else may have the lease.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from activities.contracts.specs import HEARTBEAT_TIMEOUT
from activities.phases.heartbeat import BEAT_EVERY_S
from dsl.limits import LEASE_TTL_MS
from integrations.agents.keeper.watch import GRACE_S
from integrations.agents.processes.deadline import END_AHEAD_S, KILL_AHEAD_S
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.agents.workdir import workdir
from integrations.clock import boottime
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.holding import BEATS_PER_TTL, MARGIN
from tests.fixtures.processes import descendants
from tests.integration.agents.marks import are, new_mark, sleepers
from tests.integration.stack.probes import is_alive

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = ROOT / "tests" / "fixtures" / "agents" / "hostile.py"

LEASE_S = 4.0

# Renews nothing: what a worker that stands still, or is cut off, does not do either. It is told its
# deadline once it is up: interpreters that start side by side take a busy machine long.
WORKER = """
import asyncio, sys, time
from pathlib import Path
from dsl.core import AgentPhase, Tier
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.contract.protocol import Request
from integrations.agents.runner import ProcessRunner
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.redaction import Redactor

file, directory, mark, namespaces = sys.argv[1:]
print("up", flush=True)
deadline = sys.stdin.readline()
request = Request("run", "stage", AgentPhase.EXECUTE, 1, time.time() + 60, Path(directory),
                  Tier.T0, {"do": "ignore_sigterm", "mark": mark})
asyncio.run(ProcessRunner().run(
    Program.from_file("hostile", Path(file)), request, timeout_s=60, redact=Redactor(),
    lifeline=Lifeline(float(deadline)), sandbox=SandboxSpec(namespaces=namespaces == "True"),
    on_event=lambda event: print("running", flush=True)))
"""


async def test_an_agent_whose_lease_is_not_renewed_is_dead_before_it_runs_out(
    run, namespaces, mark
):
    deadline = boottime() + LEASE_S
    with pytest.raises(LeaseLostError, match="not renewed in time"):
        await run(
            "hostile",
            {"do": "ignore_sigterm", "mark": mark},
            lifeline=Lifeline(deadline),
            sandbox=SandboxSpec(namespaces=namespaces),
        )

    assert boottime() < deadline
    assert sleepers(mark) == []


async def test_an_agent_lives_for_as_long_as_its_lease_is_renewed(run, namespaces, mark):
    begun = boottime()
    lifeline = Lifeline(begun + LEASE_S)

    async def renew() -> None:
        while True:
            await asyncio.sleep(0.5)
            lifeline.renew(boottime() + LEASE_S)

    renewing = asyncio.create_task(renew())
    task = asyncio.create_task(
        run(
            "hostile",
            {"do": "hang", "mark": mark},
            lifeline=lifeline,
            sandbox=SandboxSpec(namespaces=namespaces),
        )
    )
    await asyncio.sleep(max(0.0, begun + 1.5 * LEASE_S - boottime()))
    assert await are(1, mark, within=60)
    renewing.cancel()

    with pytest.raises(LeaseLostError):
        await task
    assert boottime() < lifeline.deadline
    assert sleepers(mark) == []


async def test_no_agent_starts_on_a_lease_that_has_run_out(run, mark):
    with pytest.raises(LeaseLostError):
        await run("hostile", {"do": "daemon", "mark": mark}, lifeline=Lifeline(boottime()))


async def test_processes_that_stand_still_keep_no_agent_alive_beyond_its_lease():
    """SIGSTOP of any of them, or of all: the kernel's timer takes the keeper and its namespace."""
    combinations = [
        ("worker",),
        ("worker", "keeper"),
        ("worker", "init"),
        ("worker", "keeper", "init"),
        ("keeper",),
        ("init",),
    ]
    left = await asyncio.gather(*(after_stopping(each, namespaces=True) for each in combinations))

    assert dict(zip(combinations, left, strict=True)) == {each: set() for each in combinations}


async def test_without_namespaces_only_a_keeper_that_stands_still_leaves_something():
    """The agent itself dies with it; what that has started does not: see docs/threat-model.md."""
    combinations = [("worker",), ("keeper",)]
    left = await asyncio.gather(*(after_stopping(each, namespaces=False) for each in combinations))

    assert left == [set(), {"sleep"}]


async def after_stopping(which: Sequence[str], *, namespaces: bool) -> set[str]:
    """Stop processes of a worker whose agent is at work; return what is left as its lease ends."""
    mark = new_mark()
    with workdir() as private:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WORKER, HOSTILE, private, mark, str(namespaces)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert await worker.stdout.readline() == b"up\n"
        deadline = boottime() + 1.5 * LEASE_S  # its keeper and its agent have one to start each
        worker.stdin.write(f"{deadline}\n".encode())
        assert await worker.stdout.readline() == b"running\n"
        assert await are(1, mark, within=5)
        (keeper,) = children(worker.pid)
        (init,) = children(keeper)  # without namespaces: the agent
        (sleep,) = sleepers(mark)
        tree = {"agent": parent(sleep), "sleep": sleep}
        found = {"worker": worker.pid, "keeper": keeper, "init": init}
        try:
            for name in which:
                os.kill(found[name], signal.SIGSTOP)
            await asyncio.sleep(max(0.0, deadline - END_AHEAD_S / 2 - boottime()))
            return {name for name, pid in tree.items() if is_alive(pid)}
        finally:
            for pid in (worker.pid, sleep):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await worker.wait()


def children(pid: int) -> list[int]:
    return [each for each in descendants(pid) if parent(each) == pid]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_worker_stops_first_then_the_keeper_then_the_kernel_then_another_may_begin():
    ttl_s = LEASE_TTL_MS / 1000
    margin_s = MARGIN * ttl_s
    assert margin_s - GRACE_S > KILL_AHEAD_S > END_AHEAD_S > 0
    assert margin_s > ttl_s / BEATS_PER_TTL
    # Whom Temporal asks to take over finds the lease run out, and does not wait.
    assert HEARTBEAT_TIMEOUT.total_seconds() - 2 * BEAT_EVERY_S > ttl_s
