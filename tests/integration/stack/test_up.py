"""``mandate up`` as a process: how it starts, how it ends, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from mandate.stack import environment
from mandate.stack.servers import http
from mandate.stack.servers.binaries import temporal
from mandate.stack.servers.ports import Ports
from tests.integration.stack.probes import command_lines, eventually
from tests.unit.mandate.programs import ROOT
from tests.unit.mandate.programs import environment as clean


async def spawn(data_dir, port=0, env=None, cwd=ROOT):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.stack.driver", str(data_dir), str(port)),
        cwd=cwd,
        env=clean(env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def said_until_up(up) -> list[str]:
    lines: list[str] = []
    while not lines or lines[-1] != "mandate is up":
        line = await asyncio.wait_for(up.stdout.readline(), 60)
        assert line, (await up.stderr.read()).decode()
        lines.append(line.decode().rstrip())
    return lines


@asynccontextmanager
async def running(data_dir, env=None):
    up = await spawn(data_dir, env=env)
    try:
        yield up, await said_until_up(up)
    finally:
        if up.returncode is None:
            up.kill()
        await up.communicate()


async def refused(data_dir, port=0, env=None) -> tuple[int, str]:
    up = await spawn(data_dir, port, env)
    out, err = await asyncio.wait_for(up.communicate(), 60)
    assert b"mandate is up" not in out
    assert b"Traceback" not in err
    return up.returncode, err.decode()


def children_of(data_dir) -> dict[int, str]:
    return {
        pid: words
        for pid, words in command_lines().items()
        if str(data_dir) in words and "stack.driver" not in words
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_everything_and_is_success(tmp_path, number):
    async with running(tmp_path / "data") as (up, said):
        ours = children_of(tmp_path)
        assert len(ours) == 7
        up.send_signal(number)
        up.send_signal(number)  # impatience changes nothing
        out, err = await asyncio.wait_for(up.communicate(), 60)

    assert said[-1] == "mandate is up"
    assert (up.returncode, err) == (0, b"")
    assert out == b"mandate is down\n"
    assert children_of(tmp_path) == {}


async def test_a_signal_while_it_starts_stops_everything_too(tmp_path):
    up = await spawn(tmp_path / "data")
    await eventually(lambda: len(children_of(tmp_path)) >= 2)
    up.terminate()
    await asyncio.wait_for(up.communicate(), 60)

    assert up.returncode == 0
    assert children_of(tmp_path) == {}


async def workflow(address: str, *arguments: str) -> str:
    cli = await asyncio.create_subprocess_exec(
        *(str(temporal()), "workflow", *arguments, "--address", address),
        env=clean(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return (await cli.communicate())[0].decode()


async def test_what_was_written_survives_the_death_of_everything(tmp_path):
    data = tmp_path / "data"
    async with running(data) as (up, _):
        first = environment.read(data / "env")
        installer = (data / "openbao" / "installer").read_text()
        roles = {path.name: path.read_text() for path in (data / "roles").iterdir()}
        address = first["TEMPORAL_ADDRESS"]
        await workflow(address, "start", "--type", "T", "--task-queue", "q", "-w", "kept")
        up.kill()  # and with it, by the kernel, its children
        await eventually(lambda: not children_of(tmp_path))

    # The shell has sourced the file: that does not make the servers somebody else's.
    async with running(data, env=first):
        assert len(children_of(tmp_path)) == 7
        second = environment.read(data / "env")
        described = await workflow(second["TEMPORAL_ADDRESS"], "describe", "-w", "kept")
        assert await http.status(f"{second['VAULT_ADDR']}/v1/sys/health") == 200

    assert described.startswith("Execution Info:")
    assert (data / "openbao" / "installer").read_text() == installer
    assert {path.name: path.read_text() for path in (data / "roles").iterdir()} == roles


async def test_running_servers_of_the_caller_are_used_and_left_alone(stack, tmp_path):
    before = stack.pids()
    named = {
        name: stack.env[name]
        for name in (
            *environment.SERVER_VARIABLES,
            "MANDATE_VAULT_ROLES",
            "MANDATE_DRAGONFLY_PASSWORD_FILE",
        )
    }
    async with running(tmp_path / "data", env=named) as (up, said):
        assert len(children_of(tmp_path)) == 4  # the workers
        found = environment.read(tmp_path / "data" / "env")
        up.terminate()
        await up.wait()

    assert named.items() <= found.items()
    assert any(stack.env["TEMPORAL_ADDRESS"] in line for line in said)
    assert stack.pids() == before


async def test_a_dead_server_of_the_caller_is_exit_code_2_and_nothing_is_started(tmp_path):
    for name, url in (
        ("TEMPORAL_ADDRESS", "127.0.0.1:{}"),
        ("VAULT_ADDR", "http://127.0.0.1:{}"),
        ("MANDATE_DRAGONFLY_URL", "redis://127.0.0.1:{}"),
    ):
        port = Ports().free()
        code, said = await refused(tmp_path / "data", env={name: url.format(port)})

        assert code == 2
        assert said.startswith(f"mandate: {name} names 127.0.0.1:{port}, but no server answers")
    assert children_of(tmp_path) == {}


async def test_a_port_that_is_taken_is_exit_code_1_with_port_and_flag(stack, tmp_path):
    port = int(stack.urls["temporal"].rsplit(":", 1)[1])
    code, said = await refused(tmp_path / "data", port)

    assert code == 1
    assert f"port {port} for temporal is taken" in said
    assert "--temporal-port 0" in said
    assert "TEMPORAL_ADDRESS" in said


async def test_a_data_directory_in_use_is_exit_code_1_and_names_the_pid(stack):
    code, said = await refused(stack.data_dir)

    assert (code, f"in use by pid {os.getpid()}" in said) == (1, True)
    assert all(stack.pids().values())


async def test_a_data_directory_that_others_may_read_is_exit_code_2(tmp_path):
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "data").chmod(0o755)
    code, said = await refused(tmp_path / "data")

    assert (code, "chmod 700" in said) == (2, True)
