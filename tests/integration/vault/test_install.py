"""Installing is idempotent, and root does not survive it."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.errors import DeniedError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.install import bootstrap, install
from integrations.vault.login.approle import Login
from integrations.vault.login.roles import read_role, role_file
from integrations.vault.policies.texts import policy_texts
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.integration.vault.holders import is_alive

MOUNTS = (
    ("sys/mounts", "kv-shared", "kv"),
    ("sys/mounts", "kv-agents", "kv"),
    ("sys/mounts", "kv-sandbox", "kv"),
    ("sys/mounts", "kv-build", "kv"),
    ("sys/mounts", "kv-prod", "kv"),
    ("sys/mounts", "kv-gates", "kv"),
    ("sys/mounts", "gov-transit", "transit"),
    ("sys/auth", "workers", "approle"),
    ("sys/auth", "approver", "userpass"),
)


async def test_everything_is_there_after_installing(openbao: OpenBao) -> None:
    for table, path, kind in MOUNTS:
        assert openbao.as_root("GET", table)["data"][f"{path}/"]["type"] == kind
    for name, text in policy_texts().items():
        assert openbao.as_root("GET", f"sys/policies/acl/{name}")["data"]["policy"] == text
    for queue in naming.IDENTITIES:
        file = role_file(openbao.roles_dir, queue)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(openbao.roles_dir.stat().st_mode) == 0o700
    assert len(list(openbao.roles_dir.iterdir())) == len(naming.IDENTITIES)


async def test_installing_twice_changes_nothing(
    vault: Vault, openbao: OpenBao, tmp_path: Path
) -> None:
    await install(vault, openbao.installer_token, roles_dir=tmp_path / "roles")
    before = _state(openbao, tmp_path / "roles")

    await install(vault, openbao.installer_token, roles_dir=tmp_path / "roles")

    assert _state(openbao, tmp_path / "roles") == before


async def test_a_role_file_that_was_lost_or_spoilt_is_made_again(
    vault: Vault, openbao: OpenBao, tmp_path: Path
) -> None:
    roles = tmp_path / "roles"
    await install(vault, openbao.installer_token, roles_dir=roles)
    before = {queue: read_role(role_file(roles, queue)) for queue in naming.IDENTITIES}
    spoilt = ("mandate", "mandate-trust", "mandate-ledger")
    role_file(roles, "mandate").unlink()
    role_file(roles, "mandate-trust").write_text("{")
    role_file(roles, "mandate-ledger").write_text('{"role_id": "x", "secret_id": "y"}')

    await install(vault, openbao.installer_token, roles_dir=roles)

    for queue, role in before.items():
        now = read_role(role_file(roles, queue))
        assert now.role_id == role.role_id
        assert (now == role) is (queue not in spoilt)
        assert (await Login(vault, roles, queue).client()).token


async def test_a_policy_changed_by_hand_is_written_over(
    private_openbao: Callable[..., OpenBao],
) -> None:
    server = private_openbao()
    await govern(server)
    server.as_root("POST", "sys/policies/acl/gov-t0", policy='path "*" { capabilities = ["read"] }')
    server.as_root("DELETE", "sys/policies/acl/gov-t1")
    vault = Vault(server.url)

    await install(vault, server.installer_token, roles_dir=server.roles_dir)

    vault.close()
    for name in ("gov-t0", "gov-t1"):
        policy = server.as_root("GET", f"sys/policies/acl/{name}")["data"]["policy"]
        assert policy == policy_texts()[name]


async def test_members_of_approver_groups_survive(vault: Vault, openbao: OpenBao) -> None:
    person = openbao.as_root("POST", "identity/entity", name="member")["data"]["id"]
    path = "identity/group/name/gov-council"
    openbao.as_root("POST", path, type="internal", member_entity_ids=[person])

    await install(vault, openbao.installer_token, roles_dir=openbao.roles_dir)

    assert openbao.as_root("GET", path)["data"]["member_entity_ids"] == [person]


async def test_something_else_in_our_place_is_refused(
    private_openbao: Callable[..., OpenBao],
) -> None:
    server = private_openbao()
    server.as_root("POST", "sys/mounts/kv-build", type="kv", options={"version": "1"})
    vault = Vault(server.url)
    token = await bootstrap(vault, server.root_token)

    with pytest.raises(DeniedError, match="something else at 'kv-build'"):
        await install(vault, token, roles_dir=server.roles_dir)

    vault.close()


async def test_a_dead_installer_is_refused(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(DeniedError):
        await install(vault, "s.nobody", roles_dir=tmp_path / "roles")


async def test_root_is_dead_after_bootstrap_and_the_installer_is_not(
    private_openbao: Callable[..., OpenBao],
) -> None:
    server = private_openbao(on_disk=True)
    vault = Vault(server.url)

    token = await bootstrap(vault, server.root_token)
    await install(vault, token, roles_dir=server.roles_dir)

    assert server.raw(server.root_token, "GET", "sys/mounts").status_code == 403
    assert server.raw(server.root_token, "GET", "auth/token/lookup-self").status_code == 403
    assert await is_alive(vault, token)
    itself = server.call(token, "GET", "auth/token/lookup-self")["data"]
    assert itself["orphan"] is True
    assert itself["period"] == 768 * 3600
    assert itself["policies"] == ["gov-installer"]
    vault.close()


async def test_a_restarted_vault_knows_installer_and_workers_again(
    private_openbao: Callable[..., OpenBao],
) -> None:
    server = private_openbao(on_disk=True)
    vault = Vault(server.url)
    token = await bootstrap(vault, server.root_token)
    await install(vault, token, roles_dir=server.roles_dir)
    before = read_role(role_file(server.roles_dir, "mandate"))

    server.installer_token = token
    server.stop()
    server.start()
    await install(vault, token, roles_dir=server.roles_dir)

    assert read_role(role_file(server.roles_dir, "mandate")) == before
    assert (await Login(vault, server.roles_dir, "mandate").client()).token
    vault.close()


async def test_bootstrapping_with_a_token_that_is_not_root_is_refused(
    vault: Vault, openbao: OpenBao
) -> None:
    weak = openbao.as_root("POST", "auth/token/create", policies=["gov-t0"], ttl="60s")

    with pytest.raises(DeniedError):
        await bootstrap(vault, weak["auth"]["client_token"])


def _state(server: OpenBao, roles: Path) -> dict[str, Any]:
    state: dict[str, Any] = {file.name: file.read_text() for file in roles.iterdir()}
    for path in ("sys/mounts", "sys/auth"):
        state[path] = server.as_root("GET", path)["data"]
    for name in policy_texts():
        state[name] = server.as_root("GET", f"sys/policies/acl/{name}")["data"]
    for key in naming.SIGNING_KEYS:
        state[key] = server.as_root("GET", f"gov-transit/keys/{key}")["data"]
    for group in naming.APPROVER_GROUPS:
        state[group] = server.as_root("GET", f"identity/group/name/{group}")["data"]
    for path in (
        "identity/entity/name/agent-0-gate-probe",
        "auth/token/roles/gov3-gate-agent-0-gate-probe",
        "kv-prod/data/gate-probe",
    ):
        state[path] = server.as_root("GET", path)["data"]
    for queue in naming.IDENTITIES:
        path = f"auth/workers/role/worker-{queue}"
        state[path] = server.as_root("GET", path)["data"]
        issued = server.raw(server.root_token, "LIST", f"{path}/secret-id")
        state[f"{path}/issued"] = sorted(issued.json()["data"]["keys"])
    return state
