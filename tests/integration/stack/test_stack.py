"""A stack that is up: what it tells, what it hides, and what it does when children die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from activities.contracts import specs
from integrations.dragonfly.client import connect
from integrations.dragonfly.preflight import preflight
from integrations.vault.client import Vault
from mandate.stack.errors import StackError
from mandate.stack.options import private_stack
from mandate.stack.servers import http, temporal
from mandate.stack.servers import vault as vault_of_stack
from mandate.stack.up import Stack
from mandate.stack.workers import DEFAULT_WORKERS
from tests.integration.stack.driver import stand_ins
from tests.integration.stack.probes import command_lines, eventually
from workflows.runtime import attributes

CHILDREN = ["temporal", "openbao", "valkey", "worker", "t3", "trust", "ledger"]
SERVERS = ["TEMPORAL_ADDRESS", "VAULT_ADDR", "MANDATE_DRAGONFLY_URL"]


async def serves(stack: Stack, name: str) -> bool:
    """Tell whether a server of the stack answers as it must."""
    if name == "temporal":
        return await http.status(f"{stack.urls['ui']}/api/v1/namespaces/default") == 200
    if name == "openbao":
        return await http.status(f"{stack.urls['vault']}/v1/sys/health") == 200
    if name == "valkey":
        client = connect(stack.urls["dragonfly"], stack.data_dir / "dragonfly" / "password")
        try:
            return (await preflight(client)).name == "valkey"
        except Exception:  # noqa: BLE001 - whatever it is, it does not serve
            return False
        finally:
            await client.aclose()
    return "worker ready:" in (stack.data_dir / "logs" / f"{name}.log").read_text()


async def test_every_child_runs_and_serves(stack):
    assert sorted(stack.pids()) == sorted(CHILDREN)
    for name in CHILDREN:
        assert await serves(stack, name)


@pytest.mark.parametrize("name", CHILDREN)
async def test_a_child_that_was_killed_comes_back_where_it_was(stack, name):
    first = stack.pid(name)
    os.kill(first, signal.SIGKILL)

    async def back() -> bool:
        return stack.pid(name) not in {first, None} and await serves(stack, name)

    await eventually(back)


async def test_temporal_knows_the_search_attributes_and_no_others_of_ours(stack):
    client = await Client.connect(stack.env["TEMPORAL_ADDRESS"])
    request = ListSearchAttributesRequest(namespace="default")
    found = await client.operator_service.list_search_attributes(request)

    ours = {name for name in found.custom_attributes if name.startswith("Mandate")}
    assert ours == set(temporal.SEARCH_ATTRIBUTES)


def test_names_that_stand_in_two_places_are_the_same():
    assert {key.name for key in attributes.ALL} == set(temporal.SEARCH_ATTRIBUTES)
    queues = {queue for process in DEFAULT_WORKERS for queue in process.queues}
    assert queues == {
        specs.QUEUE,
        specs.QUEUE_T3,
        specs.QUEUE_TRUST,
        specs.QUEUE_LEDGER,
    }


def test_a_shell_that_sources_the_file_finds_every_variable(stack):
    path = stack.data_dir / "env"
    said = subprocess.run(
        ["sh", "-c", f". '{path}'; env"], env={}, capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in said.stdout.splitlines())

    assert stack.env.items() <= found.items()
    assert {*SERVERS, "MANDATE_VAULT_ROLES", "MANDATE_DRAGONFLY_PASSWORD_FILE"} <= found.keys()
    assert {"MANDATE_LEDGER", "MANDATE_ARTIFACTS", "MANDATE_PIPELINES"} <= found.keys()
    assert {"MANDATE_WORKSPACE", "MANDATE_UI", "MANDATE_INLINE_TIER"} <= found.keys()
    assert {"MANDATE_INITIAL_TIER", "MANDATE_GATE_IDENTITY"} <= found.keys()


def environment_of(pid: int | None) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def secrets_of(stack: Stack) -> dict[str, str]:
    """Return every secret that lies in the data directory."""
    found = {
        "password": (stack.data_dir / "dragonfly" / "password").read_text(),
        "installer": (stack.data_dir / "openbao" / "installer").read_text(),
        "seal key": (stack.data_dir / "openbao" / "seal.key").read_bytes().hex(),
    }
    for role in (stack.data_dir / "roles").glob("*.json"):
        found[role.name] = json.loads(role.read_text())["secret_id"]
    return found


def test_no_secret_is_in_an_argument_list_a_log_or_the_environment(stack):
    secrets = secrets_of(stack)
    places = {f"argv of {pid}": words for pid, words in command_lines().items()}
    for path in (stack.data_dir / "logs").iterdir():
        places[str(path)] = path.read_text(errors="replace")
    for name, pid in stack.pids().items():
        places[f"environment of {name}"] = "\n".join(environment_of(pid))
    places["env"] = (stack.data_dir / "env").read_text()

    assert len(secrets) >= 5
    shown = [
        (what, where) for what, s in secrets.items() for where, text in places.items() if s in text
    ]
    assert shown == []


def test_every_child_carries_the_data_directory_in_its_arguments(stack):
    lines = command_lines()

    for name, pid in stack.pids().items():
        assert str(stack.data_dir) in lines[pid], name


def test_nobody_else_may_read_anything_of_the_data_directory(stack):
    open_to_others = [
        path
        for path in [stack.data_dir, *stack.data_dir.rglob("*")]
        if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_socket()
    ]

    assert open_to_others == []


def test_the_servers_listen_on_the_loopback_interface_only(stack):
    for url in stack.urls.values():
        assert "127.0.0.1:" in url
    ports = {int(url.rsplit(":", 1)[1]) for url in stack.urls.values()}
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {
        address.split(":")[0] for address in listening if int(address.split(":")[1], 16) in ports
    }

    assert addresses == {"0100007F"}


async def test_a_second_stack_on_the_same_data_directory_is_refused(stack):
    with pytest.raises(StackError, match=rf"in use by pid {os.getpid()}:") as refused:
        async with Stack(private_stack(stack.data_dir, workers=stand_ins())):
            pass

    assert refused.value.exit_code == 1
    assert all(stack.pids().values())


async def test_isolated_stacks_ignore_the_servers_of_the_caller(tmp_path, monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("MANDATE_LEDGER", "/elsewhere")
    monkeypatch.setenv("VAULT_TOKEN", "s.of-the-caller")
    async with Stack(private_stack(tmp_path / "data", workers=stand_ins()[:1])) as other:
        seen = environment_of(other.pid("ledger"))

    assert other.env["TEMPORAL_ADDRESS"] != "127.0.0.1:1"
    assert other.env["MANDATE_LEDGER"] == str(tmp_path / "data" / "ledger.db")
    assert not [entry for entry in seen if entry.startswith("VAULT_TOKEN=")]
    assert "MANDATE_QUEUES=mandate-ledger" in seen


async def test_the_installers_token_is_renewed_while_the_stack_runs(stack, monkeypatch):
    async def last_renewed() -> int:
        vault = Vault(stack.env["VAULT_ADDR"])
        client = vault.client((stack.data_dir / "openbao" / "installer").read_text())
        try:
            found = await vault.run(client.adapter.get, "/v1/auth/token/lookup-self")
        finally:
            vault.close()
        return int(found["data"]["last_renewal_time"])

    first = await last_renewed()
    monkeypatch.setattr(vault_of_stack, "RENEWAL_S", 0.2)
    bao: Any = SimpleNamespace(
        url=stack.env["VAULT_ADDR"],
        installer_token=(stack.data_dir / "openbao" / "installer").read_text,
    )
    told: list[str] = []
    task = asyncio.create_task(vault_of_stack.keep_renewed(bao, told.append))

    async def renewed() -> bool:
        return await last_renewed() > first

    await eventually(renewed)
    bao.installer_token = lambda: "s.unknown"
    await eventually(lambda: bool(told))
    task.cancel()

    assert "was not renewed" in told[0]
