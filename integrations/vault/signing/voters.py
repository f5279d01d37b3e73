"""Whose signature is this, and who is that now? For those who count votes.

1. Nothing is remembered: a person who was disabled a moment ago is refused now.
2. A signature that is not this person's is False; ``signatures`` says what is raised instead.
3. An agent is no voter: its entity is as good as unknown.
4. Ids and names go into a path only when Vault can hold them; another group has no members.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from dsl.limits import APPROVERS_MAX
from dsl.rules.proofs.proof import ENTITY_PATTERN
from integrations.errors import DeniedError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.signing.signatures import is_signed

GROUPS_MAX: Final = 2 * APPROVERS_MAX  # a gate's approvers and groups may both name some
_ENTITY: Final = re.compile(ENTITY_PATTERN)


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
        if _ENTITY.fullmatch(entity) is None:  # (4) no id: no path
            return False
        key = naming.approver_key(entity)
        return await is_signed(self._vault, self._login, key, message, signature)

    async def read(self, entity: str, groups: Iterable[str] = ()) -> Voter | None:
        """Return the person behind ``entity`` now; None where there is none (1) (3).

        Raises:
            UnavailableError: Vault does not answer.
            DeniedError: we may not ask.
            ValueError: more than ``GROUPS_MAX`` groups are asked for.
        """
        asked = frozenset(groups)
        if len(asked) > GROUPS_MAX:
            raise ValueError(f"expected at most {GROUPS_MAX} groups, got {len(asked)}")
        if _ENTITY.fullmatch(entity) is None:  # (4) no id: no path
            return None
        return await self._vault.run_as(self._login, lambda client: _voter(client, entity, asked))


def _voter(client: hvac.Client, entity: str, asked: frozenset[str]) -> Voter | None:
    found = _read(client, f"/v1/identity/entity/id/{entity}")
    # A merged entity answers to its old id, too; a person signs with the key of his own.
    # (3) an agent is no voter
    if found is None or found["id"] != entity or naming.is_agent(found["name"]):
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
    try:
        path = naming.by_name("group", group)
    except DeniedError:
        return None  # (4) no name: no members
    found = _read(client, path)
    return None if found is None else str(found["id"])


def _read(client: hvac.Client, path: str) -> dict[str, Any] | None:
    try:
        return data_of(client.adapter.get(path))
    except theirs.InvalidPath:
        return None
