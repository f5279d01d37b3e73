"""``mandate doctor`` beside a running stack, and beside none."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from integrations.chaos.wire import Weather, WireProxy
from mandate.stack import environment
from mandate.stack.servers.ports import Ports
from tests.fixtures.servers.valkey import free_port
from tests.unit.mandate.programs import mandate


async def doctor(cwd, *arguments, env=None):
    return await asyncio.to_thread(mandate, "doctor", *arguments, cwd=cwd, env=env)


def lines(said, word):
    return [line for line in said.stdout.splitlines() if line.startswith(word)]


async def test_all_is_well_beside_a_stack(stack, tmp_path):
    said = await doctor(tmp_path, "--data-dir", stack.data_dir)

    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.endswith("all is well\n")
    assert "search attributes registered" in said.stdout
    assert "policies: " in said.stdout
    assert "worker login: mandate-ledger as gov-ledger" in said.stdout
    assert "valkey 9" in said.stdout
    assert "ledger.db does not exist yet" in said.stdout


async def test_what_the_environment_names_is_examined(stack, tmp_path):
    said = await doctor(tmp_path, env=stack.env)

    assert said.returncode == 0, said.stdout + said.stderr


async def test_every_server_that_is_away_is_a_failure_with_a_fix(tmp_path):
    port = Ports().free()
    (tmp_path / "password").write_text("secret-word")
    said = await doctor(
        tmp_path,
        env={
            "TEMPORAL_ADDRESS": f"127.0.0.1:{port}",
            "VAULT_ADDR": f"http://127.0.0.1:{port}",
            "MANDATE_VAULT_ROLES": str(tmp_path),
            "MANDATE_DRAGONFLY_URL": f"redis://127.0.0.1:{port}",
            "MANDATE_DRAGONFLY_PASSWORD_FILE": str(tmp_path / "password"),
        },
    )

    assert said.returncode == 1
    assert len(lines(said, "FAIL")) == 3
    assert said.stdout.count("fix: run `mandate up`") == 3
    assert said.stdout.endswith("to be fixed: temporal, vault, dragonfly\n")
    assert "Traceback" not in said.stderr
    assert "secret-word" not in said.stdout + said.stderr


async def test_what_a_slow_server_does_not_tell_in_time_is_named_and_nothing_is_well(
    stack, tmp_path
):
    url = urlsplit(stack.env["MANDATE_DRAGONFLY_URL"])
    async with WireProxy(free_port(), (url.hostname, url.port)) as wire:
        wire.set(Weather(delay_s=0.2))  # each word is in time, and no look is
        slow = f"redis://127.0.0.1:{wire.port}"
        said = await doctor(tmp_path, env={**stack.env, "MANDATE_DRAGONFLY_URL": slow})

    assert said.returncode == 1
    (line,) = lines(said, "FAIL")
    assert line.split(maxsplit=1)[1].startswith("looks         not known, no answer in time: ")
    assert "circuits" in line
    assert said.stdout.endswith("to be fixed: looks\n")


async def test_without_any_server_the_fix_is_mandate_up(tmp_path):
    said = await doctor(tmp_path, env={"TEMPORAL_ADDRESS": f"127.0.0.1:{Ports().free()}"})

    assert said.returncode == 1
    assert "fix: run `mandate up`" in said.stdout


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MANDATE_VAULT_ROLES", "/nowhere", "cannot read the role file"),
        ("MANDATE_DRAGONFLY_URL", "http://x", "expected redis://"),
        ("MANDATE_DRAGONFLY_PASSWORD_FILE", "/nowhere", "cannot read the dragonfly password"),
        ("VAULT_ADDR", "nonsense", "correct VAULT_ADDR"),
        ("TEMPORAL_NAMESPACE", "missing", "create the namespace 'missing'"),
    ],
)
async def test_a_wrong_variable_is_a_failure_that_names_it(stack, tmp_path, name, value, expected):
    said = await doctor(tmp_path, env={**stack.env, name: value})

    assert said.returncode == 1
    assert expected in said.stdout
    assert "Traceback" not in said.stderr


async def test_a_damaged_ledger_is_a_failure(stack, tmp_path):
    (tmp_path / "ledger.db").write_text("no ledger")
    env = {**stack.env, "MANDATE_LEDGER": str(tmp_path / "ledger.db")}
    said = await doctor(tmp_path, env=env)

    assert said.returncode == 1
    assert said.stdout.endswith("to be fixed: ledger\n")


async def test_the_stack_in_the_working_directory_is_found_without_sourcing(stack, tmp_path):
    (tmp_path / ".mandate").mkdir(mode=0o700)
    environment.write(tmp_path / ".mandate", stack.env)
    said = await doctor(tmp_path)

    assert said.returncode == 0, said.stdout
