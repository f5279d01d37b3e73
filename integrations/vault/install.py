"""The governance of a Vault: mounts, policies, keys, and one identity per task queue.

1. ``bootstrap`` spends the root token: it makes the installer's token and revokes itself. That
   token is periodic and an orphan: it lives as long as it is renewed within ``PERIOD``.
2. ``install`` brings Vault to what this release wants and changes nothing that is so already.
   What it finds in a wrong shape it refuses; it removes nothing.
3. Policies come first: a newer release may allow its own installer more than the last one did.
4. For policies named ``gov-*`` this release is the truth: other text is written over.
5. Members of groups and people's accounts are never touched.
6. A secret id is issued anew only when the role file is missing or no longer lets anyone in.
7. Wrapped, one is issued each time, to be taken within ``WRAPPED_LIFE``, and all earlier ones of
   that role are destroyed: also one that was stolen on its way. What is logged in stays so until
   its token ends.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.errors import DeniedError
from integrations.vault import naming
from integrations.vault.checks.canaries import make_tier_canaries
from integrations.vault.checks.control_groups.canary import make_canary
from integrations.vault.client import Vault, auth_of, data_of
from integrations.vault.login.approle import log_in
from integrations.vault.login.roles import WorkerRole, WrappedRole, read_role, role_file, write_role
from integrations.vault.policies.texts import policy_texts

PERIOD: Final = "768h"
WORKER_TOKEN_LIFE: Final = "20m"  # noqa: S105  # a duration
WRAPPED_LIFE: Final = "10m"


async def bootstrap(vault: Vault, root_token: str) -> str:
    """Exchange the root token for the installer's (1); root is dead when it returns.

    Raises:
        DeniedError: the token may not, or would not die.
        UnavailableError: Vault does not answer; root may still be alive.
    """
    root = vault.client(root_token)
    token: str = await vault.run(make_installer, root)
    await vault.run(root.adapter.post, "/v1/auth/token/revoke-self")
    if await vault.is_alive(root):
        raise DeniedError("the root token was revoked and is still alive: revoke it by hand")
    return token


async def install(
    vault: Vault, installer_token: str, *, roles_dir: Path, wrap_ttl: str | None = None
) -> None:
    """Install or update everything but what ``bootstrap`` does; harmless when repeated (2).

    Renews the installer's token. Writes ``<roles_dir>/<identity>.json`` per identity; with
    ``wrap_ttl``, a duration such as ``WRAPPED_LIFE``, wrapped ones, anew each time (7).

    Raises:
        DeniedError: the token may not or has ended, or something has a wrong shape.
        UnavailableError: Vault does not answer; what was done stays done.
    """
    await renew(vault, installer_token)
    installation = _Installation(vault.client(installer_token), vault.client, roles_dir, wrap_ttl)
    await vault.run(installation.run)


async def renew(vault: Vault, installer_token: str) -> None:
    """Give the installer's token another ``PERIOD`` from now.

    Raises:
        DeniedError: it has ended.
        UnavailableError: Vault does not answer.
    """
    client = vault.client(installer_token)
    await vault.run(client.adapter.post, "/v1/auth/token/renew-self", json={})


def make_installer(root: hvac.Client) -> str:
    """Make the installer's policy and a token with it, and return the token."""
    _write_policy(root, naming.INSTALLER_POLICY)
    order = {
        "policies": [naming.INSTALLER_POLICY],
        "no_parent": True,  # must survive root
        "no_default_policy": True,
        "renewable": True,
        "period": PERIOD,
        "type": "service",
        "display_name": naming.INSTALLER_POLICY,
    }
    return str(auth_of(root.adapter.post("/v1/auth/token/create", json=order))["client_token"])


class _Installation:
    """One run of the installer; blocking."""

    def __init__(
        self,
        client: hvac.Client,
        anonymous: Callable[[], hvac.Client],
        roles_dir: Path,
        wrap_ttl: str | None,
    ) -> None:
        self._client = client
        self._anonymous = anonymous
        self._roles_dir = roles_dir
        self._wrap_ttl = wrap_ttl

    def run(self) -> None:
        for name in policy_texts():  # (3) policies first
            _write_policy(self._client, name)
        self._mounts()
        self._keys()
        self._groups()
        self._logins()
        make_canary(self._client)
        make_tier_canaries(self._client)
        for queue, policy in naming.IDENTITIES.items():
            self._worker(queue, policy)

    def _mounts(self) -> None:
        found = self._read("/v1/sys/mounts") or {}
        for mount in naming.KV_MOUNTS:
            self._mount("mounts", mount, "kv", found, options={"version": "2"})
        self._mount("mounts", naming.TRANSIT_MOUNT, "transit", found)

    def _logins(self) -> None:
        found = self._read("/v1/sys/auth") or {}
        self._mount("auth", naming.WORKERS_AUTH, "approle", found)
        self._mount("auth", naming.APPROVER_AUTH, "userpass", found)

    def _mount(
        self,
        table: str,
        path: str,
        kind: str,
        found: dict[str, Any],
        options: dict[str, str] | None = None,
    ) -> None:
        there = found.get(f"{path}/")
        if there is None:
            order = {"type": kind} | ({"options": options} if options else {})
            self._client.adapter.post(f"/v1/sys/{table}/{path}", json=order)
        # (2) a wrong shape is refused
        elif there["type"] != kind or (options and there["options"] != options):
            raise DeniedError(
                f"vault has something else at {path!r}: expected {kind} {options or ''}, "
                f"got {there['type']} {there.get('options') or ''}: use another Vault or move it"
            )

    def _keys(self) -> None:
        for key in naming.SIGNING_KEYS:
            path = f"/v1/{naming.TRANSIT_MOUNT}/keys/{key}"
            if self._read(path) is None:
                self._client.adapter.post(path, json={"type": "ed25519"})

    def _groups(self) -> None:
        for group in naming.APPROVER_GROUPS:
            path = f"/v1/identity/group/name/{group}"
            if self._read(path) is None:  # (5) never touched
                self._client.adapter.post(path, json={"type": "internal"})

    def _worker(self, queue: str, policy: str) -> None:
        path = f"/v1/auth/{naming.WORKERS_AUTH}/role/{naming.worker_role(queue)}"
        order = {
            "token_policies": [policy],
            "token_ttl": WORKER_TOKEN_LIFE,
            "token_max_ttl": WORKER_TOKEN_LIFE,
            "token_type": "service",
            "token_no_default_policy": True,
            "bind_secret_id": True,
            "secret_id_num_uses": 0,
            "secret_id_ttl": "0",
        }
        self._client.adapter.post(path, json=order)
        file = role_file(self._roles_dir, queue)
        role_id = str(data_of(self._client.adapter.get(f"{path}/role-id"))["role_id"])
        issuing = f"/v1/{naming.secret_id_path(queue)}"
        if self._wrap_ttl is not None:
            self._hand_over_wrapped(file, role_id, issuing)
        elif not self._lets_in(file):
            issued = data_of(self._client.adapter.post(issuing, json={}))  # (6) none lets anyone in
            write_role(file, WorkerRole(role_id, issued["secret_id"]))

    def _hand_over_wrapped(self, file: Path, role_id: str, path: str) -> None:
        reply = self._client.adapter.post(path, json={}, wrap_ttl=self._wrap_ttl)
        issued = reply["wrap_info"]
        write_role(file, WrappedRole(role_id, issued["token"]))
        for accessor in data_of(self._client.adapter.list(path))["keys"]:
            if accessor != issued["wrapped_accessor"]:  # (7) earlier ones are destroyed
                order = {"secret_id_accessor": accessor}
                self._client.adapter.post(f"{path}-accessor/destroy", json=order)

    def _lets_in(self, file: Path) -> bool:
        try:
            role = read_role(file)
            if isinstance(role, WrappedRole):
                return False
            reply = log_in(self._anonymous(), role)
        except (DeniedError, theirs.InvalidRequest, theirs.Forbidden):
            return False
        worker = self._anonymous()
        worker.token = auth_of(reply)["client_token"]
        worker.adapter.post("/v1/auth/token/revoke-self")
        return True

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            return data_of(self._client.adapter.get(path))
        except theirs.InvalidPath:
            return None


def _write_policy(client: hvac.Client, name: str) -> None:
    path = f"/v1/sys/policies/acl/{name}"
    try:
        found = data_of(client.adapter.get(path)).get("policy")
    except theirs.InvalidPath:
        found = None
    if found != policy_texts()[name]:  # (4) this release is the truth
        client.adapter.post(path, json={"policy": policy_texts()[name]})
