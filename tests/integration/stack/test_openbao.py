"""The vault of a data directory, killed and damaged at every step of its making."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from mandate.stack.environment import for_servers
from mandate.stack.errors import StackError
from mandate.stack.files import private_directory
from mandate.stack.process import Child
from mandate.stack.servers import http
from mandate.stack.servers.openbao import OpenBao
from mandate.stack.servers.ports import Ports
from tests.integration.stack.probes import eventually, is_dead
from tests.unit.mandate.programs import ROOT, environment


def a_vault(data_dir: Path) -> OpenBao:
    private_directory(data_dir / "logs")
    ports = Ports()
    return OpenBao(data_dir, ports.free(), ports.free())


@asynccontextmanager
async def running(bao: OpenBao, folder: Path) -> AsyncIterator[Child]:
    child = Child(bao.command(for_servers(os.environ, folder)), print)
    try:
        await child.start()
        yield child
    finally:
        await child.stop()


async def keep_root(root: str) -> str:
    """Stand for `bootstrap`: these tests need a token that may look."""
    return root


async def refuse_to_be_asked(_root: str) -> str:
    raise AssertionError("the vault was initialised a second time")


@pytest.fixture(scope="module")
async def vault(tmp_path_factory):
    """A vault that was initialised once, with a restart of the server on other ports since."""
    folder = tmp_path_factory.mktemp("vault") / "a folder's name"
    bao = a_vault(folder)
    async with running(bao, folder):
        token = await bao.initialise(keep_root)
    again = a_vault(folder)
    async with running(again, folder) as child:
        assert await again.initialise(refuse_to_be_asked) == token
        yield again, child, folder


async def test_it_is_unsealed_after_a_restart_on_other_ports(vault):
    bao, _, _ = vault

    assert await http.status(f"{bao.url}/v1/sys/health") == 200


async def test_it_is_unsealed_after_it_was_killed(vault):
    bao, child, _ = vault
    first = child.pid
    os.kill(first, signal.SIGKILL)

    await eventually(lambda: child.pid not in {first, None})

    async def healthy() -> bool:
        return await http.status(f"{bao.url}/v1/sys/health") == 200

    await eventually(healthy)


async def test_its_folder_tells_what_was_done_and_is_private(vault):
    _, _, folder = vault
    files = {path.name: path.stat().st_mode & 0o777 for path in (folder / "openbao").iterdir()}

    assert files == {"installer": 0o600, "raft": 0o700, "seal.key": 0o600, "server.json": 0o600}


async def test_neither_recovery_key_nor_seal_key_is_in_log_or_configuration(vault):
    _, _, folder = vault
    seal_key = (folder / "openbao" / "seal.key").read_bytes()
    token = (folder / "openbao" / "installer").read_bytes()

    for path in (folder / "logs" / "openbao.log", folder / "openbao" / "server.json"):
        content = path.read_bytes()
        assert b"recovery_key" not in content
        assert seal_key not in content
        assert seal_key.hex().encode() not in content
        assert token not in content


def prepare(folder: Path, *, names: tuple[str, ...]) -> Path:
    """Make the folder of a vault that holds ``names``, storage with something in it among them."""
    private_directory(folder / "logs")
    home = private_directory(folder / "openbao")
    for name in names:
        if name == "raft":
            (private_directory(home / "raft") / "vault.db").write_text("data")
        else:
            (home / name).write_text("x")
    return home


def test_a_vault_without_its_installer_is_refused_not_wiped(tmp_path):
    home = prepare(tmp_path, names=("raft", "seal.key"))

    with pytest.raises(StackError, match=r"is initialised but .*installer is missing"):
        a_vault(tmp_path).command({})
    assert (home / "raft" / "vault.db").read_text() == "data"


def test_a_vault_without_its_seal_key_is_refused_and_gets_no_new_one(tmp_path):
    home = prepare(tmp_path, names=("raft", "installer"))

    with pytest.raises(StackError, match=r"seal.key is missing"):
        a_vault(tmp_path).command({})
    assert (home / "raft" / "vault.db").read_text() == "data"
    assert not (home / "seal.key").exists()


def test_a_vault_that_was_being_initialised_begins_again_on_empty_storage(tmp_path):
    home = prepare(tmp_path, names=("raft", "seal.key", "initialising"))
    a_vault(tmp_path).command({})

    assert list((home / "raft").iterdir()) == []
    assert len((home / "seal.key").read_bytes()) == 32


def test_a_finished_vault_is_never_wiped_even_when_the_mark_is_still_there(tmp_path):
    home = prepare(tmp_path, names=("raft", "seal.key", "initialising", "installer"))
    a_vault(tmp_path).command({})

    assert (home / "raft" / "vault.db").read_text() == "data"


async def test_a_bootstrap_that_fails_is_begun_again(tmp_path):
    async def fail(_root: str) -> str:
        raise ConnectionError("gone")

    bao = a_vault(tmp_path)
    async with running(bao, tmp_path):
        with pytest.raises(ConnectionError):
            await bao.initialise(fail)
    assert not (tmp_path / "openbao" / "installer").exists()

    again = a_vault(tmp_path)
    async with running(again, tmp_path):
        token = await again.initialise(keep_root)
        status, answer = await http.call("GET", f"{again.url}/v1/sys/seal-status")

    assert token
    assert (status, answer["sealed"], answer["initialized"]) == (200, False, True)


MAKER = """
import asyncio, os, sys
from pathlib import Path
from mandate.stack.environment import for_servers
from mandate.stack.servers.openbao import OpenBao
from mandate.stack.servers.ports import Ports
from mandate.stack.process import Child
from mandate.stack.files import private_directory

async def main():
    folder = Path(sys.argv[1])
    private_directory(folder / "logs")
    ports = Ports()
    bao = OpenBao(folder, ports.free(), ports.free())
    child = Child(bao.command(for_servers(os.environ, folder)), print)
    await child.start()
    print(child.pid, flush=True)
    async def bootstrap(root):
        await asyncio.sleep(0.2)
        return root
    await bao.initialise(bootstrap)
    print("done", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_it_survives_being_killed_at_any_moment_of_its_making(tmp_path):
    for delay_s in (0.0, 1.0, 1.9):
        maker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", MAKER, str(tmp_path)),
            cwd=ROOT,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        assert maker.stdout is not None
        server = int(await maker.stdout.readline())
        await asyncio.sleep(delay_s)
        maker.kill()
        await maker.wait()
        await eventually(partial(is_dead, server))

    bao = a_vault(tmp_path)
    async with running(bao, tmp_path):
        token = await bao.initialise(keep_root)
        assert await http.status(f"{bao.url}/v1/sys/health") == 200
    assert token == (tmp_path / "openbao" / "installer").read_text()
    assert not (tmp_path / "openbao" / "initialising").exists()
    assert json.loads((tmp_path / "openbao" / "server.json").read_text())["storage"]
