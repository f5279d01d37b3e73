"""Whose signature is this, and who is that now? For those who count votes.

1. Nothing is remembered: a person who was disabled a moment ago is refused now.
2. A signature that is not this person's is False, whatever is wrong with it. That Vault is away,
   or that we lack a right, says nothing about a signature: it is raised.
3. What is no signature of Vault's in shape is not sent; only refusals whose words are known to be
   about the signature are taken for "no".
4. An agent is no voter: its entity is as good as unknown.
5. Names go into a path only when Vault can hold them; a group that it cannot hold has no members.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from dsl.limits import APPROVERS_MAX
from dsl.rules.proof import ENTITY_PATTERN
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of

GROUPS_MAX: Final = 2 * APPROVERS_MAX  # a gate's approvers and groups may both name some
_ENTITY: Final = re.compile(ENTITY_PATTERN)
# Key version, and the 64 bytes of an ed25519 signature; base64 of Vault's would skip line breaks.
_SIGNATURE: Final = re.compile(r"vault:v[1-9][0-9]{0,8}:[A-Za-z0-9+/]{86}==")
_ABOUT_THE_SIGNATURE: Final = (
    "invalid signature",  # no prefix, version is too new
    "invalid base64 signature value",
    "version is disallowed by policy",  # too old
    "signature verification key not found",
    "does not support verification",
    "supplied signature is invalid",
)


@dataclass(frozen=True, slots=True)
class Voter:
    """A person as Vault holds him now."""

    entity: str
    name: str
    groups: frozenset[str]  # of those asked for; membership through other groups counts
    logins: frozenset[str]  # the names he logs in with, of every login method
    disabled: bool


class Voters:
    """Checks signatures and reads people, as the identity of a queue that may."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def verify(self, entity: str, message: bytes, signature: str) -> bool:
        """Tell whether ``signature`` over ``message`` was made with the key of ``entity`` (2).

        Raises:
            UnavailableError: Vault does not answer.
            DeniedError: we may not ask.
            NotFoundError: this Vault is not governed by us.
        """
        if _ENTITY.fullmatch(entity) is None or _SIGNATURE.fullmatch(signature) is None:
            return False  # (3)
        path = f"/v1/{naming.TRANSIT_MOUNT}/verify/{naming.approver_key(entity)}"
        order = {"input": base64.b64encode(message).decode(), "signature": signature}

        def ask(client: hvac.Client) -> bool:
            try:
                return data_of(client.adapter.post(path, json=order)).get("valid") is True
            except theirs.InvalidRequest as error:
                if not _is_about_the_signature(error):
                    raise
                return False

        return await self._vault.run_as(self._login, ask)

    async def read(self, entity: str, groups: Iterable[str] = ()) -> Voter | None:
        """Return the person behind ``entity`` now; None where there is none (1) (4).

        Raises:
            UnavailableError: Vault does not answer.
            DeniedError: we may not ask.
            ValueError: more than ``GROUPS_MAX`` groups are asked for.
        """
        asked = frozenset(groups)
        if len(asked) > GROUPS_MAX:
            raise ValueError(f"expected at most {GROUPS_MAX} groups, got {len(asked)}")
        if _ENTITY.fullmatch(entity) is None:  # (5)
            return None
        return await self._vault.run_as(self._login, lambda client: _voter(client, entity, asked))


def _voter(client: hvac.Client, entity: str, asked: frozenset[str]) -> Voter | None:
    found = _read(client, f"/v1/identity/entity/id/{entity}")
    # A merged entity answers to its old id, too; a person signs with the key of his own.
    if found is None or found["id"] != entity or naming.is_agent(found["name"]):  # (4)
        return None
    memberships = frozenset(found.get("group_ids") or ())
    held = (group for group in asked if memberships and _group_id(client, group) in memberships)
    return Voter(
        entity=entity,
        name=found["name"],
        groups=frozenset(held),
        logins=frozenset(alias["name"] for alias in found.get("aliases") or ()),
        disabled=bool(found["disabled"]),
    )


def _group_id(client: hvac.Client, group: str) -> str | None:
    if not naming.is_routed(group):  # (5)
        return None
    found = _read(client, f"/v1/identity/group/name/{group}")
    return None if found is None else str(found["id"])


def _read(client: hvac.Client, path: str) -> dict[str, Any] | None:
    try:
        return data_of(client.adapter.get(path))
    except theirs.InvalidPath:
        return None


def _is_about_the_signature(error: theirs.InvalidRequest) -> bool:
    said = " ".join(map(str, error.errors or ()))
    return any(words in said for words in _ABOUT_THE_SIGNATURE)  # (3)
