"""Logins, names and groups for trying things out: the embedded stack's people, and the tests'.

A real installation has people already: it gives their entities names, and puts them into groups.

1. Entity first, then its alias, then the login: a login without an alias makes an entity up at its
   first use, which would be somebody else by another name.
2. Members are added, never removed.
3. Whoever gets in with the password given here, keeps it; anybody else's is set anew.
4. Two groups have a meaning in Vault's own policies: ``sre`` may approve production, and
   ``council`` is the council.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.vault import naming
from integrations.vault.client import Vault, auth_of, data_of

LOGIN_LIFE: Final = "8h"
PEOPLE_MAX: Final = 1_000
# (4) a meaning in Vault's policies
MEANINGS: Final = {"sre": "gov-approvers-prod", "council": "gov-council"}
_USER: Final = {
    "token_policies": naming.APPROVER_POLICY,  # a text, not a list: the installer's policy compares
    "token_no_default_policy": True,
    "token_ttl": LOGIN_LIFE,
}


async def make_people(
    vault: Vault,
    installer_token: str,
    passwords: Mapping[str, str],
    groups: Mapping[str, Sequence[str]],
    logins: Mapping[str, str] | None = None,
) -> None:
    """Make people who can log in, and groups of them; harmless when repeated (2) (3).

    Args:
        vault: governed by us already.
        installer_token: the installer's.
        passwords: one per name.
        groups: members, each of ``passwords``, by the group's name.
        logins: by name, what somebody logs in as whose own name cannot be a login.

    Raises:
        DeniedError: a name cannot be used, or the token may not.
        UnavailableError: Vault does not answer; what was done stays done.
        ValueError: a member has no password, or there are too many.
    """
    strangers = {member for members in groups.values() for member in members} - set(passwords)
    if strangers or len(passwords) > PEOPLE_MAX:
        raise ValueError(f"expected {PEOPLE_MAX} at most, each with a password: {strangers}")
    people = [
        (naming.person_name(name), naming.login_name((logins or {}).get(name, name)), password)
        for name, password in passwords.items()
    ]
    for group in groups:
        naming.by_name("group", group)
    making = _Making(vault.client(installer_token), vault.client)
    await vault.run(making.run, people, groups)


class _Making:
    """One run; blocking."""

    def __init__(self, client: hvac.Client, anonymous: Callable[[], hvac.Client]) -> None:
        self._client = client
        self._anonymous = anonymous

    def run(
        self, people: Sequence[tuple[str, str, str]], groups: Mapping[str, Sequence[str]]
    ) -> None:
        """Make ``people``, each with name, login and password, and then their groups."""
        mounts = data_of(self._client.adapter.get("/v1/sys/auth"))
        mount = mounts[f"{naming.APPROVER_AUTH}/"]["accessor"]
        entities = {}
        for name, login, password in people:
            entities[name] = self._entity(name, login, mount)  # (1) before alias and login
            self._login(login, password)
        for group, members in groups.items():
            made = self._group(group, "member_entity_ids", [entities[name] for name in members])
            if group in MEANINGS:
                # (4) a meaning in Vault's policies
                self._group(MEANINGS[group], "member_group_ids", [made])

    def _entity(self, name: str, login: str, mount: str) -> str:
        path = naming.by_name("entity", name)
        found = self._read(path)
        if found is None:
            self._client.adapter.post(path, json={})
            found = data_of(self._client.adapter.get(path))
        entity = str(found["id"])
        aliases = found.get("aliases") or ()
        if not any(each["mount_accessor"] == mount and each["name"] == login for each in aliases):
            order = {"name": login, "canonical_id": entity, "mount_accessor": mount}
            self._client.adapter.post("/v1/identity/entity-alias", json=order)
        return entity

    def _login(self, name: str, password: str) -> None:
        order = dict(_USER) if self._lets_in(name, password) else {**_USER, "password": password}
        self._client.adapter.post(f"/v1/auth/{naming.APPROVER_AUTH}/users/{name}", json=order)

    def _lets_in(self, name: str, password: str) -> bool:
        path = f"/v1/auth/{naming.APPROVER_AUTH}/login/{name}"
        try:
            reply = self._anonymous().adapter.post(path, json={"password": password})
        except (theirs.InvalidRequest, theirs.Forbidden):
            return False
        person = self._anonymous()
        person.token = auth_of(reply)["client_token"]
        person.adapter.post("/v1/auth/token/revoke-self")
        return True

    def _group(self, name: str, kind: str, members: Iterable[str]) -> str:
        """Add members to a group, which is made if need be (2); return its id."""
        path = naming.by_name("group", name)
        found = self._read(path)
        held = set((found or {}).get(kind) or ())
        wanted = held | set(members)
        if found is None or wanted != held:
            order = {"type": "internal", kind: sorted(wanted)}
            self._client.adapter.post(path, json=order)
            found = data_of(self._client.adapter.get(path))
        return str(found["id"])

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            return data_of(self._client.adapter.get(path))
        except theirs.InvalidPath:
            return None
