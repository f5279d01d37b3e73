"""``mandate install`` on a server that is not the stack's own."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from mandate.stack.environment import for_servers
from mandate.stack.files import private_directory
from mandate.stack.process import Child
from mandate.stack.servers.openbao import OpenBao
from mandate.stack.servers.ports import Ports
from tests.unit.mandate.programs import mandate


async def install(cwd, url, *arguments):
    return await asyncio.to_thread(
        mandate, "install", "--token-file", cwd / "token", *arguments, cwd=cwd,
        env={"VAULT_ADDR": url, "MANDATE_VAULT_ROLES": str(cwd / "roles")},
    )  # fmt: skip


@pytest.fixture
async def fresh(tmp_path):
    """A server that unseals itself and was never initialised."""
    folder = private_directory(tmp_path / "server")
    private_directory(folder / "logs")
    ports = Ports()
    bao = OpenBao(folder, ports.free(), ports.free())
    child = Child(bao.command(for_servers(os.environ, folder)), print)
    await child.start()
    yield bao.url
    await child.stop()


async def test_a_new_server_is_initialised_and_root_is_spent(fresh, tmp_path):
    first = await install(tmp_path, fresh)
    token = (tmp_path / "token").read_text()
    roles = {path.name: path.read_text() for path in (tmp_path / "roles").iterdir()}
    second = await install(tmp_path, fresh)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert (tmp_path / "token").read_text() == token  # the installer's: root would be exchanged
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert {path.name: path.read_text() for path in (tmp_path / "roles").iterdir()} == roles
    assert "mandate.json" in roles
    assert token not in first.stdout + first.stderr + second.stdout + second.stderr

    # A token that is none, and a file that is missing: refused, and nothing is shown.
    (tmp_path / "token").write_text("s.nonsense")
    wrong = await install(tmp_path, fresh)
    (tmp_path / "token").unlink()
    missing = await install(tmp_path, fresh)
    assert (wrong.returncode, missing.returncode) == (1, 1)
    assert "s.nonsense" not in wrong.stdout + wrong.stderr
    assert "cannot read the token file" in missing.stderr


async def test_a_token_of_another_server_is_not_written_over(fresh, tmp_path):
    (tmp_path / "token").write_text("s.of-another")
    said = await install(tmp_path, fresh)

    assert said.returncode == 1
    assert "holds a token of another one" in said.stderr
    assert (tmp_path / "token").read_text() == "s.of-another"


async def test_without_an_address_it_is_wrong_usage(tmp_path):
    said = await install(tmp_path, "")

    assert said.returncode == 2
    assert "set VAULT_ADDR" in said.stderr


async def test_a_server_that_is_away_is_a_failure(tmp_path):
    said = await install(tmp_path, f"http://127.0.0.1:{Ports().free()}")

    assert said.returncode == 1
    assert "no answer from vault" in said.stderr
    assert "Traceback" not in said.stderr


async def test_wrapped_roles_are_made_anew_each_time(fresh, tmp_path):
    first = await install(tmp_path, fresh, "--wrapped")
    before = (tmp_path / "roles" / "mandate.json").read_text()
    second = await install(tmp_path, fresh, "--wrapped")
    after = (tmp_path / "roles" / "mandate.json").read_text()

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "to be taken within 10m" in first.stdout
    assert set(json.loads(after)) == {"role_id", "wrapped_secret_id"}
    assert before != after
    assert json.loads(after)["wrapped_secret_id"] not in second.stdout + second.stderr
