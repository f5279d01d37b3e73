"""Agents that take more than they may, on every kind of machine.

Each attack is tried where the kernel counts (tmpfs, cgroup) and where only the keeper does; its
end is one sentence that says which quota it was and which field raises it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from integrations.agents.contract.protocol import AgentError
from integrations.agents.processes import cgroups, usage
from integrations.agents.processes.cgroups import Place
from integrations.agents.processes.descendants import descendants_of
from integrations.agents.sandbox.spec import SandboxSpec

# Of the worker, for what an agent announces: three times what was measured.
ANNOUNCED_CPU_S_MAX = 6.0
QUOTAS: dict[str, Any] = {"memory_mb": 200, "disk_mb": 8, "files": 500, "processes": 40}

LEVELS: dict[str, dict[str, Any]] = {
    "counted by the kernel": {},
    "a tmpfs and no cgroup": {"cgroup": False},
    "a cgroup and no tmpfs": {"namespaces": False},
    "watched": {"namespaces": False, "cgroup": False},
}


@pytest.fixture(params=list(LEVELS.values()), ids=list(LEVELS))
def level(request):
    """What the machine offers."""
    return request.param


@pytest.fixture
def attack(run, level):
    """Run an agent under small quotas; return the error it ended with."""

    async def attack(do: str, **given):
        with pytest.raises(AgentError) as caught:
            await run("greedy", {"do": do, **given}, sandbox=SandboxSpec(**QUOTAS, **level))
        assert caught.value.kind == "quota", caught.value
        assert not caught.value.retryable
        return str(caught.value)

    return attack


async def test_the_level_says_who_counts(run, level):
    outcome = await run("greedy", {"do": "nothing"}, sandbox=SandboxSpec(**QUOTAS, **level))
    said = set(outcome.level.split(","))

    assert {each.partition(":")[0] for each in said} >= {"disk", "memory", "processes"}
    if "namespaces" not in level and "read-only" in said:
        assert "disk:tmpfs" in said
    if not level.get("namespaces", True):
        assert "disk:watched" in said
    if not level.get("cgroup", True):
        assert "memory:watched" in said


@pytest.mark.parametrize(
    ("do", "field"),
    [
        ("fill_with_large_files", "disk_mb"),
        ("fill_without_a_name", "disk_mb"),
        ("fill_with_small_files", "files"),
        ("start_many", "processes"),
        ("start_threads", "processes"),
        ("fork_on_and_on", "processes"),
        ("take_memory", "memory_mb"),
        ("take_memory_in_several", "memory_mb"),
        ("hide_files", "disk_mb"),
    ],
)
async def test_who_takes_too_much_is_ended_and_told_what_it_was(attack, do, field):
    said = await attack(do)

    allowed = QUOTAS[field]
    assert re.fullmatch(
        rf"quota: the agent was ended, for it reached its quota of {allowed} [^()]+ "
        rf"\(seen: \d+\): let it use less, or raise config\.sandbox\.{field} of its stage",
        said,
    )


async def test_who_is_refused_room_and_tidies_up_is_told_what_it_was(attack):
    """On a tmpfs nothing is left to be seen then, but what it said."""
    assert "config.sandbox.disk_mb" in await attack("give_up_tidily")


async def test_memory_that_is_no_processes_own_is_counted(attack):
    assert "MiB of memory" in await attack("take_memory_in_a_file")


async def test_a_file_of_holes_takes_nothing_and_is_limited_all_the_same(run, level):
    outcome = await run("greedy", {"do": "make_holes"}, sandbox=SandboxSpec(**QUOTAS, **level))

    assert outcome.result.output == {"largest": QUOTAS["disk_mb"] << 20}


async def test_what_a_worker_hands_over_is_not_counted(run, level, private):
    (private / "given" / "deep").mkdir(parents=True)
    (private / "given" / "deep" / "large").write_bytes(b"x" * (QUOTAS["disk_mb"] << 20))
    outcome = await run("greedy", {"do": "read_given"}, sandbox=SandboxSpec(**QUOTAS, **level))

    assert outcome.result.output == {"size": QUOTAS["disk_mb"] << 20}


async def test_an_agent_within_its_quota_is_left_alone(run, level):
    outcome = await run("greedy", {"do": "stay_within"}, sandbox=SandboxSpec(**QUOTAS, **level))

    assert outcome.result.ok
    assert [artifact.path.read_bytes() for artifact in outcome.artifacts] == [b"x" * (6 << 20)]


async def test_a_hundred_thousand_announced_files_cost_a_bounded_time(run, level):
    started = time.process_time()
    with pytest.raises(AgentError) as caught:
        await run("greedy", {"do": "announce"}, sandbox=SandboxSpec(**QUOTAS, **level))

    assert caught.value.kind in {"protocol", "quota"}
    assert time.process_time() - started < ANNOUNCED_CPU_S_MAX


def left_in_cgroups(keeper: int) -> list[Path]:
    bases = {place.base for place in cgroups.find()}
    return [name for base in bases for name in base.glob(f"{cgroups.PREFIX}{keeper}-*")]


async def test_nothing_of_a_quota_stays_behind(run, private):
    keepers: list[int] = []
    await run("greedy", {"do": "nothing"}, on_start=keepers.append)

    assert len(keepers) == 1
    assert left_in_cgroups(keepers[0]) == []
    assert str(private) not in mounts()


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


@pytest.fixture
def left_by_a_killed_keeper():
    """A cgroup that nobody uses any more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as over:
        over.wait()
    for place in cgroups.find():
        with suppress(OSError):
            (place.base / f"{cgroups.PREFIX}{over.pid}-left").mkdir()
    if not left_in_cgroups(over.pid):
        pytest.skip("no cgroup may be made here")
    return over.pid


async def test_what_a_killed_keeper_left_is_removed_by_the_next(run, left_by_a_killed_keeper):
    await run("greedy", {"do": "nothing"})

    assert left_in_cgroups(left_by_a_killed_keeper) == []


async def test_the_agent_goes_before_the_worker_when_the_machine_is_out_of_memory(run):
    seen: list[int] = []

    def look(_):
        files = [Path(f"/proc/{pid}/oom_score_adj") for pid in descendants_of(os.getpid())]
        seen.extend(int(file.read_text()) for file in files)

    await run("greedy", {"do": "speak"}, on_event=look)

    assert max(seen) == 1000
    assert min(seen) < 1000  # its keeper


def test_a_place_of_version_two_is_found_where_it_was_handed_to_us(tmp_path):
    own = tmp_path / "mount" / "unit" / "worker"
    own.mkdir(parents=True)
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (own / "cgroup.subtree_control").write_text("\n")
    (tmp_path / "cgroup").write_text("0::/container/unit/worker\n")
    mount = tmp_path / "mountinfo"
    mount.write_text(
        f"24 1 0:5 / /proc rw - proc proc rw\n"
        f"30 1 0:26 /container {tmp_path}/mount rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    expected = [Place(name, own.parent, is_v2=True) for name in ("memory", "pids")]
    try:
        os.setxattr(own.parent, "user.delegate", b"1")
    except OSError:
        pytest.skip("this file system takes no attributes")

    assert list(cgroups.find(tmp_path / "cgroup", mount)) == expected
    os.setxattr(own.parent, "user.delegate", b"0")
    assert list(cgroups.find(tmp_path / "cgroup", mount)) == []


def test_places_of_version_one_are_found_below_their_mounts(tmp_path):
    (tmp_path / "cgroup").write_text("4:memory:/a/b\n3:cpu,cpuacct:/\n2:pids:/a\n0::/\n")
    (tmp_path / "mountinfo").write_text(
        f"30 1 0:26 /a {tmp_path} rw - cgroup cgroup rw,memory\n"
        f"31 1 0:27 / {tmp_path} rw - cgroup cgroup rw,pids\n"
    )

    assert list(cgroups.find(tmp_path / "cgroup", tmp_path / "mountinfo")) == [
        Place("memory", tmp_path / "b", is_v2=False),
        Place("pids", tmp_path / "a", is_v2=False),
    ]


def test_memory_that_is_shared_counts_once():
    """Two processes that hold the same pages after a fork."""
    size = 64 << 20
    program = (
        "import os, sys\n"
        f"held = b'x' * {size}\n"
        "child = os.fork()\n"
        "if child: print(os.getpid(), child, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        twice, once = usage.memory(pids, 1 << 40), usage.memory(pids, size)

    assert twice > 2 * size
    assert size < once < 1.5 * size
