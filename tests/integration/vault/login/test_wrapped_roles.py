"""A role that was handed over wrapped is taken once, and a theft on the way is noticed."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integrations.errors import DeniedError, UnavailableError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.install import WRAPPED_LIFE, install
from integrations.vault.login.approle import Login
from integrations.vault.login.roles import (
    WorkerRole,
    WrappedRole,
    is_wrapped,
    read_role,
    role_file,
    write_role,
)
from integrations.vault.login.unwrapping import take_roles
from integrations.vault.site_secrets import NotifySecrets
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.unit.mandate.programs import mandate

TAKEN = "was used before or has ended: somebody may have taken it; install again"


@pytest_asyncio.fixture
async def handed(private_openbao: Callable[..., OpenBao]) -> AsyncIterator[tuple[OpenBao, Vault]]:
    """Return a server of the test's own, with wrapped roles in its ``roles_dir``."""
    server = private_openbao()
    await govern(server)
    vault = Vault(server.url)
    await again(server, vault)
    yield server, vault
    vault.close()


async def again(server: OpenBao, vault: Vault, ttl: str = WRAPPED_LIFE) -> None:
    await install(vault, server.installer_token, roles_dir=server.roles_dir, wrap_ttl=ttl)


def filed(server: OpenBao, identity: str = "mandate") -> WrappedRole:
    role = read_role(role_file(server.roles_dir, identity))
    assert isinstance(role, WrappedRole)
    return role


def steal(server: OpenBao, identity: str = "mandate") -> dict[str, Any]:
    """Unwrap what lies there, as somebody would who carries it; return how to log in with it."""
    role = filed(server, identity)
    secret = server.call(role.token, "POST", "sys/wrapping/unwrap")["data"]["secret_id"]
    return {"role_id": role.role_id, "secret_id": secret}


def wait_for_the_end(server: OpenBao, wrapping: str) -> None:
    deadline = time.monotonic() + 60
    while server.raw("", "POST", "sys/wrapping/lookup", token=wrapping).ok:
        assert time.monotonic() < deadline, "the wrapping token does not end"
        time.sleep(0.1)


async def can_log_in(server: OpenBao, vault: Vault, identity: str = "mandate") -> bool:
    client = await Login(vault, server.roles_dir, identity).client()
    return server.raw(str(client.token), "GET", "auth/token/lookup-self").ok


async def test_every_identity_gets_one_in_a_file_for_its_owner(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, _ = handed

    for identity in naming.IDENTITIES:
        file = role_file(server.roles_dir, identity)
        assert set(json.loads(file.read_text())) == {"role_id", "wrapped_secret_id"}
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        wraps = server.call("", "POST", "sys/wrapping/lookup", token=filed(server, identity).token)
        assert wraps["data"]["creation_path"] == naming.secret_id_path(identity)
        assert wraps["data"]["creation_ttl"] == 600
    assert "wrapped" not in repr(filed(server))
    assert filed(server).token not in repr(filed(server))


async def test_a_worker_takes_its_role_once_and_logs_in_with_it_from_then_on(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, vault = handed
    file, token = role_file(server.roles_dir, "mandate"), filed(server).token

    assert await can_log_in(server, vault)
    taken = read_role(file)
    assert await can_log_in(server, vault)

    assert isinstance(taken, WorkerRole)
    assert read_role(file) == taken
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert server.raw(token, "POST", "sys/wrapping/unwrap").status_code == 400


async def test_two_that_share_a_directory_take_it_once(handed: tuple[OpenBao, Vault]) -> None:
    server, vault = handed

    assert all(await asyncio.gather(*(can_log_in(server, vault) for _ in range(6))))


async def test_a_worker_that_is_stopped_while_it_takes_its_role_does_not_lose_it(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, vault = handed
    server.pause()
    stopped = asyncio.ensure_future(Login(vault, server.roles_dir, "mandate").client())
    await asyncio.sleep(0.05)
    stopped.cancel()
    server.resume()

    assert await can_log_in(server, vault)


async def test_a_role_that_was_stolen_is_noticed_and_made_useless(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, vault = handed
    stolen = steal(server)

    with pytest.raises(DeniedError, match=TAKEN):
        await can_log_in(server, vault)
    assert server.raw("", "POST", "auth/workers/login", **stolen).ok

    await again(server, vault)
    assert await can_log_in(server, vault)
    assert server.raw("", "POST", "auth/workers/login", **stolen).status_code == 400


async def test_a_role_that_nobody_took_in_time_is_refused(handed: tuple[OpenBao, Vault]) -> None:
    server, vault = handed
    await again(server, vault, ttl="1s")
    wait_for_the_end(server, filed(server).token)

    with pytest.raises(DeniedError, match=TAKEN):
        await can_log_in(server, vault)


async def test_what_wraps_something_else_is_refused_unspent(handed: tuple[OpenBao, Vault]) -> None:
    server, vault = handed
    other = filed(server, "mandate-t3").token
    write_role(role_file(server.roles_dir, "mandate"), WrappedRole(filed(server).role_id, other))

    with pytest.raises(DeniedError, match="wraps 'auth/workers/role/worker-mandate-t3/secret-id'"):
        await can_log_in(server, vault)

    assert await can_log_in(server, vault, "mandate-t3")


@pytest.mark.parametrize("token", ["", "nonsense", "../../x", "s.root"])
async def test_what_is_no_wrapping_token_is_refused(
    handed: tuple[OpenBao, Vault], token: str
) -> None:
    server, vault = handed
    write_role(role_file(server.roles_dir, "mandate"), WrappedRole("x", token))

    with pytest.raises(DeniedError, match="install again"):
        await can_log_in(server, vault)


async def test_a_directory_that_cannot_be_written_is_found_out_while_the_role_is_good(
    handed: tuple[OpenBao, Vault], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, vault = handed
    # Root may write to any directory; a mount that is read-only answers as this does.
    draft = role_file(server.roles_dir, "mandate").with_suffix(".draft")
    draft.mkdir()

    with pytest.raises(DeniedError, match=r"cannot be replaced .*let the worker write to its dir"):
        await can_log_in(server, vault)

    draft.rmdir()
    assert await can_log_in(server, vault)


async def test_vault_away_spends_nothing(handed: tuple[OpenBao, Vault]) -> None:
    server, vault = handed
    away = Vault("http://127.0.0.1:9")

    with pytest.raises(UnavailableError):
        await can_log_in(server, away)
    away.close()

    assert await can_log_in(server, vault)


async def test_a_worker_that_starts_takes_all_its_roles_and_no_others(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, vault = handed

    for _ in range(2):
        await take_roles(vault, server.roles_dir, "mandate-trust")

    telling = NotifySecrets(server.url, server.roles_dir)
    for _ in range(2):  # who tells people may not need theirs for days
        await telling.begin()
    await telling.aclose()

    for identity in naming.IDENTITIES:
        taken = not is_wrapped(role_file(server.roles_dir, identity))
        assert taken is (identity in (*naming.OF_TRUST, naming.NOTIFIER))


async def test_a_worker_whose_role_was_stolen_does_not_start(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, _ = handed
    steal(server, naming.REVOKER)
    env = {
        "MANDATE_QUEUES": "mandate-trust",
        "VAULT_ADDR": server.url,
        "MANDATE_VAULT_ROLES": str(server.roles_dir),
        "TEMPORAL_ADDRESS": "127.0.0.1:9",  # it does not come so far
    }

    said = await asyncio.to_thread(mandate, "worker", cwd=server.roles_dir, env=env)

    assert said.returncode == 1
    assert f"{naming.REVOKER}.json {TAKEN}" in said.stderr
    assert "Traceback" not in said.stderr


async def test_a_role_that_is_missing_or_spoilt_is_left_to_the_login(
    handed: tuple[OpenBao, Vault],
) -> None:
    server, vault = handed
    role_file(server.roles_dir, naming.SWEEPER).unlink()
    role_file(server.roles_dir, naming.REVOKER).write_text("{")

    await take_roles(vault, server.roles_dir, "mandate-trust")

    assert await can_log_in(server, vault, naming.REINSTATER)
    with pytest.raises(DeniedError, match="not a role file"):
        await can_log_in(server, vault, naming.REVOKER)


async def test_installing_again_ends_every_earlier_secret_id(handed: tuple[OpenBao, Vault]) -> None:
    server, vault = handed
    earlier = steal(server)
    await again(server, vault)
    await can_log_in(server, vault)
    unwrapped = read_role(role_file(server.roles_dir, "mandate"))
    assert isinstance(unwrapped, WorkerRole)

    await again(server, vault)

    used = {"role_id": unwrapped.role_id, "secret_id": unwrapped.secret_id}
    for login in (earlier, used):
        assert server.raw("", "POST", "auth/workers/login", **login).status_code == 400
    for identity in naming.IDENTITIES:
        issued = server.as_root("LIST", naming.secret_id_path(identity))["data"]["keys"]
        assert len(issued) == 1


async def test_installing_unwrapped_replaces_a_wrapped_role(handed: tuple[OpenBao, Vault]) -> None:
    server, vault = handed

    await install(vault, server.installer_token, roles_dir=server.roles_dir)

    for identity in naming.IDENTITIES:
        assert isinstance(read_role(role_file(server.roles_dir, identity)), WorkerRole)


async def test_the_installer_is_the_only_one_who_issues(
    handed: tuple[OpenBao, Vault], tmp_path: Path
) -> None:
    server, vault = handed
    login = Login(vault, server.roles_dir, "mandate")
    token = str((await login.client()).token)

    for method, path in (
        ("LIST", naming.secret_id_path("mandate")),
        ("POST", naming.secret_id_path("mandate")),
        ("POST", f"{naming.secret_id_path('mandate')}-accessor/destroy"),
        ("GET", "auth/workers/role/worker-mandate/role-id"),
    ):
        assert server.raw(token, method, path).status_code == 403
