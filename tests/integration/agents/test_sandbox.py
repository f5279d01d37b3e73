"""What an agent cannot do, tried from inside."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from integrations.agents.sandbox import landlock, seccomp
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import DeniedError

DENIED = {"PermissionError", "ProcessLookupError", "FileNotFoundError"}


@pytest.fixture
def listener():
    """A TCP port of this machine that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def workspace(tmp_path):
    """A workspace with the data directory inside, and a home beside it."""
    for name in ("ws/.mandate/roles", "ws/src/deep", "ws/docs", "home"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ws/.mandate/roles/t3").write_text("role secret")
    (tmp_path / "ws/.mandate/ledger.db").write_text("ledger")
    (tmp_path / "ws/src/deep/a.py").write_text("source")
    (tmp_path / "ws/README").write_text("readme")
    (tmp_path / "ws/escape").symlink_to(tmp_path / "home")
    (tmp_path / "home/id_rsa").write_text("key")
    return tmp_path / "ws"


@pytest.fixture
def attempt(run, namespaces):
    """Try things from inside; return their answers and the level reached."""

    async def attempt(*attempts, **options):
        spec = SandboxSpec(namespaces=namespaces, **options)
        outcome = await run("probes", {"attempts": attempts}, sandbox=spec)
        return outcome.result.output["answers"], outcome.level

    return attempt


async def test_the_level_that_was_reached_is_told(attempt, namespaces):
    _, level = await attempt()

    assert level.startswith(f"landlock-abi-{landlock.abi()}")
    assert ("namespaces" in level) <= namespaces
    assert ("seccomp" in level) == seccomp.is_known()


async def test_what_is_hidden_in_a_checkout_is_not_read(attempt, workspace):
    (workspace / ".git").mkdir()
    (workspace / ".git/config").write_text("token")
    (workspace / ".env").write_text("token")
    (workspace / "data").mkdir()
    (workspace / "data/ledger.db").write_text("ledger")
    answers, _ = await attempt(
        ("read", f"{workspace}/README"),
        ("read", f"{workspace}/src/deep/a.py"),
        ("names", f"{workspace}"),
        ("read", f"{workspace}/.git/config"),
        ("read", f"{workspace}/.env"),
        ("read", f"{workspace}/escape/id_rsa"),
        ("read", f"{workspace}/data/ledger.db"),
        checkouts=(workspace,),
        denied=(workspace / "data",),
    )

    assert answers[:2] == ["readme", "source"]
    assert "src" in answers[2]
    assert set(answers[3:]) <= DENIED


async def test_the_workspace_can_be_read_and_not_written(attempt, workspace):
    answers, _ = await attempt(
        ("read", f"{workspace}/README"),
        ("read", f"{workspace}/src/deep/a.py"),
        ("names", f"{workspace}/src"),
        ("write", f"{workspace}/README"),
        ("write", f"{workspace}/new"),
        workspace=workspace,
    )

    assert answers[:3] == ["readme", "source", ["deep"]]
    assert set(answers[3:]) <= {"PermissionError", "OSError"}


async def test_a_data_directory_inside_the_workspace_cannot_be_read(attempt, workspace, namespaces):
    data = workspace / ".mandate"
    answers, level = await attempt(
        ("read", f"{data}/ledger.db"),
        ("read", f"{data}/roles/t3"),
        ("link", f"{data}/ledger.db"),
        ("symlink", f"{data}/ledger.db"),
        ("write", f"{data}/new"),
        ("names", f"{workspace}"),
        ("read", f"{workspace}/src/deep/a.py"),
        ("names", f"{data}"),
        workspace=workspace,
        denied=(data,),
    )

    assert {a for a in answers[:5] if a in DENIED or a == "OSError"} == set(answers[:5])
    assert answers[5:7] == [[".mandate", "README", "docs", "escape", "src"], "source"]
    if "read-only" in level:  # names too, where there is a mount namespace to hide them in
        assert answers[7] in ("PermissionError", [])


async def test_what_is_denied_deep_inside_leaves_its_siblings_readable(attempt, workspace):
    (workspace / "src/deep/secret").mkdir()
    (workspace / "src/deep/secret/key").write_text("key")
    answers, _ = await attempt(
        ("read", f"{workspace}/src/deep/secret/key"),
        ("read", f"{workspace}/src/deep/a.py"),
        ("read", f"{workspace}/README"),
        workspace=workspace,
        denied=(workspace / "src/deep/secret",),
    )

    assert answers[0] in DENIED
    assert answers[1:] == ["source", "readme"]


async def test_a_workspace_inside_what_is_denied_is_not_readable(attempt, workspace):
    answers, _ = await attempt(
        ("read", f"{workspace}/README"), workspace=workspace, denied=(workspace.parent,)
    )

    assert answers[0] in DENIED


@pytest.mark.parametrize("denied", [True, False])
async def test_a_link_in_the_workspace_leads_nowhere(attempt, workspace, denied):
    answers, _ = await attempt(
        ("read", f"{workspace}/escape/id_rsa"),
        ("read", f"{workspace.parent}/home/id_rsa"),
        workspace=workspace,
        denied=(workspace / ".mandate",) if denied else (),
    )

    assert answers == ["PermissionError", "PermissionError"]


async def test_the_machine_is_closed(attempt, tmp_path):
    answers, _ = await attempt(
        ("read", "/etc/shadow"),
        ("read", "/root/.bashrc"),
        ("names", "/root"),
        ("names", "/home"),
        ("names", "/tmp"),
        ("names", "/proc"),
        ("read", "/proc/self/environ"),
        ("read", f"/proc/{os.getpid()}/environ"),
        ("read", f"/proc/{os.getpid()}/cmdline"),
        ("write", f"{tmp_path}/x"),
        ("mount", f"{tmp_path}"),
    )

    assert set(answers) <= DENIED | {"OSError"}


async def test_modes_outside_cannot_be_changed_where_the_tree_is_read_only(attempt, tmp_path):
    answers, level = await attempt(("chmod", f"{tmp_path}"))

    if "read-only" in level:
        assert answers == ["OSError"]  # EROFS; Landlock alone does not cover chmod
        assert tmp_path.stat().st_mode & 0o777 != 0o777


async def test_no_network_without_a_declared_port(attempt, listener):
    answers, _ = await attempt(
        ("tcp", listener),
        ("fast_open", listener),
        ("multipath_tcp", listener),
        ("udp", listener),
        ("listen", 0),
    )

    assert set(answers) <= {"PermissionError", "OSError"}


async def test_only_the_declared_port_can_be_reached(attempt, listener):
    with socket.create_server(("127.0.0.1", 0)) as other:
        answers, _ = await attempt(
            ("tcp", listener),
            ("tcp", other.getsockname()[1]),
            ("fast_open", other.getsockname()[1]),
            ("multipath_tcp", other.getsockname()[1]),
            ("udp", listener),
            tcp=(listener,),
        )

    assert answers == ["connected"] + ["PermissionError"] * 4


async def test_sockets_of_other_processes_are_out_of_reach(attempt, tmp_path):
    path, name = str(tmp_path / "s"), f"mandate-test-{os.getpid()}"
    with closing(socket.socket(socket.AF_UNIX)) as by_path:
        by_path.bind(path)
        by_path.listen()
        with closing(socket.socket(socket.AF_UNIX)) as abstract:
            abstract.bind("\0" + name)
            abstract.listen()
            answers, _ = await attempt(("unix", path), ("abstract", name), tcp=(1,))

    assert answers == ["PermissionError", "PermissionError"]


async def test_other_processes_cannot_be_touched(attempt):
    other = await asyncio.create_subprocess_exec("sleep", "20")
    try:
        answers, _ = await attempt(
            ("kill", os.getpid()),
            ("kill", os.getppid()),
            ("kill", other.pid),
            ("kill", 1),
            ("attach", other.pid),
            ("io_uring", None),
        )
    finally:
        other.kill()
        await other.wait()

    # In a namespace of its own, 1 is the keeper: still not the agent's to signal.
    assert set(answers[:5]) <= {"PermissionError", "ProcessLookupError"}
    assert answers[5] == "OSError"


@pytest.mark.skipif(not seccomp.is_known(), reason="no filter for this machine")
async def test_nothing_is_kept_by_the_kernel_for_nobody(attempt):
    name = f"of-a-test-{uuid.uuid4().hex}"
    answers, _ = await attempt(
        *(("system_v", "shmget"), ("system_v", "semget"), ("queue", name), ("leave_key", name))
    )
    found, _ = await attempt(("find_key", name))

    assert answers == ["OSError"] * 4
    assert found == ["OSError"]


async def test_an_agent_starts_with_nothing_of_the_worker(attempt, private, monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "worker's own")
    (environment, descriptors, capabilities), _ = await attempt(
        ("environment", None), ("descriptors", None), ("capabilities", None)
    )

    assert sorted(set(environment) - {"LC_CTYPE"}) == [
        "HOME",
        "LANG",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "TMPDIR",
    ]
    assert environment["HOME"] == str(private)
    assert descriptors == [0, 1, 2]
    assert capabilities == [0] * 6


async def test_a_secret_is_in_no_argument_and_no_environment(run):
    outcome = await run(
        "probes",
        {"attempts": [("environment", None), ("arguments", None)]},
        secrets={"TOKEN": "correct-horse"},
    )

    assert "redacted" not in str(outcome.result.output)


async def test_a_file_cannot_grow_without_bound(run):
    outcome = await run("probes", {"attempts": [("big_file", 1 << 40)]})

    assert outcome.result.output["answers"] == ["OSError"]  # EFBIG: Python ignores SIGXFSZ


async def test_the_private_directory_is_the_agents_own(attempt, private):
    answers, _ = await attempt(
        ("write", f"{private}/a"), ("read", f"{private}/a"), ("write", f"{private}/tmp/b")
    )

    assert answers == ["written", "x", "written"]


async def test_the_root_of_the_file_system_is_no_workspace(run):
    with pytest.raises(DeniedError, match="cannot be the root"):
        await run("probes", {"attempts": []}, sandbox=SandboxSpec(workspace=Path("/")))


async def test_an_agent_reads_the_installed_packages(attempt):
    answers, _ = await attempt(("names", f"{sys.prefix}/bin"), ("execute", "/bin/true"))

    assert "python" in answers[0]
    assert answers[1] == 0
