"""A keeper started ahead of its agent is as clean as one that was started for it.

Processes and descriptors are those of the machine. What is waited for is waited for as such: the
next keeper has a task of its own, which ends when it is there.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from integrations.agents.keeper import process as keeping
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.runner import ProcessRunner
from tests.fixtures.processes import descendants, variables_of
from tests.integration.agents.marks import are
from tests.integration.stack.probes import eventually

ROOT = Path(__file__).resolve().parents[4]
WITHIN_S = 20.0

WORKER = """
import asyncio, os
from integrations.agents.keeper.process import Process
from integrations.agents.keeper.reserve import Reserve

async def main():
    reserve = Reserve()
    reserve._kept = await Process.start()
    print(reserve._kept._process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest_asyncio.fixture
async def reserve():
    made = Reserve()
    yield made
    await made.close()


@pytest.fixture
def begun(run, reserve):
    """Run an agent by a keeper of the reserve, and return that one's pid."""

    async def begun(do: str = "closes_stdin", **options: object) -> int:
        heard: list[int] = []
        await run(
            "hostile", {"do": do}, runner=ProcessRunner(reserve), on_start=heard.append, **options
        )
        return heard[0]

    return begun


async def kept(reserve: Reserve) -> int:
    """Wait until there is one in reserve; return its pid."""
    if reserve._refilling is not None:
        await reserve._refilling
    assert reserve._kept is not None
    return reserve._kept._process.pid


def opened(pid: int) -> list[str]:
    """What a process has open, by kind."""
    kinds = (str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir())
    return sorted(kind.partition(":")[0] for kind in kinds)


def is_up(pid: int) -> bool:
    return not any("/" in each for each in opened(pid))


def has_ended(pid: int) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([process], [], [], WITHIN_S)
    os.close(process)
    return bool(ended)


async def test_the_next_agent_gets_the_keeper_that_was_started_ahead(begun, reserve):
    first = await begun()
    ahead = await kept(reserve)

    assert await begun() == ahead != first
    assert await kept(reserve) not in (first, ahead)


async def test_it_has_nothing_of_the_worker_and_nothing_of_the_agent_before(
    begun, reserve, monkeypatch
):
    monkeypatch.setenv("A_SECRET_OF_THE_WORKER", "hvs.secret")
    with open(os.devnull, "rb") as inherited:  # noqa: ASYNC230, PTH123 - stands for a worker's own
        os.set_inheritable(inherited.fileno(), True)
        await begun(secrets={"KEY": "the-secret-of-the-agent"})
        ahead = await kept(reserve)
        fresh = await keeping.Process.start()
        try:
            for pid in (ahead, fresh._process.pid):  # while it comes up, its libraries are open
                await eventually(partial(is_up, pid))
            assert [each for each in variables_of(ahead) if each] == []
            assert opened(ahead) == opened(fresh._process.pid) == 3 * ["pipe"] + 2 * ["socket"]
        finally:
            await fresh.end()
            fresh.close()


async def test_one_that_has_ended_meanwhile_is_not_used(begun, reserve):
    await begun()
    ahead = await kept(reserve)
    os.kill(ahead, signal.SIGKILL)
    assert reserve._kept is not None
    await reserve._kept._process.wait()

    assert await begun() != ahead


async def test_who_comes_while_there_is_none_has_its_own(begun, reserve):
    before = descendants(os.getpid())  # a stack that other tests share has keepers as well
    await begun()
    await kept(reserve)

    pids = await asyncio.gather(*(begun() for _ in range(4)))

    assert len(set(pids)) == 4
    await kept(reserve)
    ours = [pid for pid in descendants(os.getpid()) - before if is_keeper(pid)]
    assert len(ours) == 1


def is_keeper(pid: int) -> bool:
    try:
        return b"keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def test_a_reserve_that_cannot_be_filled_fails_nobody(begun, reserve, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(11, "Resource temporarily unavailable")

    async with asyncio.timeout(WITHIN_S):
        with monkeypatch.context() as broken:
            await begun(on_event=lambda _event: broken.setattr(asyncio, "open_connection", fail))
            if reserve._refilling is not None:
                await reserve._refilling

    assert await begun()


async def test_closing_it_ends_what_it_keeps_and_keeps_no_other(begun, reserve):
    await begun()
    ahead = await kept(reserve)

    await reserve.close()
    await reserve.close()

    assert has_ended(ahead)
    await begun()
    assert (reserve._kept, reserve._refilling) == (None, None)


async def test_killing_the_worker_ends_what_it_keeps():
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    pid = int(await worker.stdout.readline())
    assert is_keeper(pid)

    worker.kill()
    await worker.wait()

    assert has_ended(pid)


async def test_what_it_starts_is_ended_like_any_other(begun, reserve, run, mark):
    await begun()
    await kept(reserve)
    hanging = asyncio.Event()
    task = asyncio.create_task(
        run(
            "hostile",
            {"do": "ignore_sigterm", "mark": mark},
            runner=ProcessRunner(reserve),
            on_event=lambda _event: hanging.set(),
        )
    )
    await hanging.wait()
    assert await are(1, mark, within=WITHIN_S)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await are(0, mark, within=WITHIN_S)
