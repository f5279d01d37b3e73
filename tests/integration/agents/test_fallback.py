"""Kernels that have less to offer, simulated by refusing the system calls to a whole worker."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.agents.keeper import keeper
from integrations.agents.processes import descendants
from integrations.agents.sandbox import landlock

ROOT = Path(__file__).resolve().parents[3]
LANDLOCK, UNSHARE, MOUNT = 444, 272, 165
ENOSYS, EPERM = errno.ENOSYS, errno.EPERM

WORKER = """
import asyncio, ctypes, json, struct, sys, time
from pathlib import Path

calls = json.loads(sys.argv[1])
op = lambda code, value, yes=0, no=0: struct.pack("<HBBI", code, yes, no, value)
code = op(0x20, 0)
for number, error in calls:
    code += op(0x15, number, 0, 1) + op(0x06, 0x00050000 | error)
code += op(0x06, 0x7FFF0000)
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code)), 0, 0) == 0

from dsl.core import AgentPhase, Tier
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.contract.protocol import Request
from integrations.agents.runner import ProcessRunner
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.agents.workdir import workdir
from integrations.clock import boottime
from integrations.errors import DeniedError
from integrations.redaction import Redactor

with workdir() as path:
    request = Request("run", "stage", AgentPhase.EXECUTE, 1, time.time(), path, Tier.T0,
                      {"do": "daemon", "mark": "0.1"})
    try:
        print(asyncio.run(ProcessRunner().run(
            Program.from_file("hostile", Path(sys.argv[2])), request, timeout_s=60,
            redact=Redactor(), lifeline=Lifeline(boottime() + 60), sandbox=SandboxSpec(
                required=sys.argv[3] == "required", tcp=tuple(json.loads(sys.argv[4]))))).level)
    except DeniedError as error:
        print(error)
"""


def reached(refused: list[tuple[int, int]], required: str, tcp: tuple[int, ...] = ()) -> str:
    if platform.machine() != "x86_64":
        pytest.skip("numbers of system calls are those of x86-64")
    done = subprocess.run(
        [
            *(sys.executable, "-c", WORKER, json.dumps(refused)),
            *(ROOT / "tests/fixtures/agents/hostile.py", required, json.dumps(tcp)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_without_landlock_an_agent_that_demands_it_is_not_started():
    answer = reached([(LANDLOCK, ENOSYS)], "required")

    assert answer.startswith("no agent starts on this machine as it must (sandbox): ")
    assert "this kernel has no Landlock" in answer


def test_without_landlock_the_level_says_so():
    assert reached([(LANDLOCK, ENOSYS)], "optional").startswith("none,")


def test_without_namespaces_an_agent_runs_under_landlock():
    level = reached([(UNSHARE, EPERM)], "required")

    assert level.startswith("landlock-abi-")
    assert "namespaces" not in level


def test_without_mounts_the_level_claims_no_read_only_tree():
    level = reached([(442, EPERM)], "required")  # mount_setattr

    assert "read-only" not in level
    assert level.startswith("landlock-abi-")


def test_without_mounts_the_private_directory_is_watched():
    level = reached([(MOUNT, EPERM)], "required").split(",")

    assert "namespaces" in level
    assert "disk:watched" in level


@pytest.mark.parametrize(
    ("refused", "tcp"),
    [([(LANDLOCK, ENOSYS)], (8080,)), ([(LANDLOCK, ENOSYS), (UNSHARE, EPERM)], ())],
    ids=["a declared port", "no namespaces"],
)
def test_no_agent_starts_where_the_network_cannot_be_closed(refused, tcp):
    answer = reached(refused, "optional", tcp)

    assert answer.startswith("no agent starts on this machine as it must (sandbox): ")
    assert "Linux 6.7 or newer" in answer


@pytest.mark.parametrize(
    ("version", "entered", "tcp", "starts"),
    [
        (3, True, (8080,), False),
        (3, False, (), False),
        (3, False, (8080,), False),
        (3, True, (), True),
        (4, False, (8080,), True),
        (4, True, (8080,), True),
    ],
)
def test_rules_for_tcp_need_the_fourth_landlock(monkeypatch, version, entered, tcp, starts):
    monkeypatch.setattr(landlock, "abi", lambda: version)

    assert keeper.closes_network(tcp, entered=entered) is starts


def test_a_process_that_ended_meanwhile_hides_nothing_of_the_rest():
    """Without a PID namespace the keeper walks the tree while its parts end."""
    with subprocess.Popen(["sleep", "60"]) as living, subprocess.Popen(["true"]) as over:
        over.wait()
        try:
            assert living.pid in descendants._children(os.getpid())
            assert descendants._children(over.pid) == []
        finally:
            living.kill()
