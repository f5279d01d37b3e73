"""What agents were given and may have left behind: their tokens, and leases of dynamic secrets.

It looks and revokes; which token is to be revoked is decided elsewhere. It mints nothing, reads
no secret, and sees no token: an accessor opens nothing.

1. An agents' token is one that a token role of an agent has made; no other is ever returned. What
   it says of its run stands in its metadata, as its issuer wrote it.
2. An accessor may end while it is looked at, and a token before it is revoked: both are fine. A
   token that is just being ended is refused as whatever may not be looked at, in the same words:
   so who is refused looks at itself, and only where that is refused as well may it not look.
3. Beyond the limit a random part is looked at, another one each time: what was left out once is
   not left out for ever.
4. Leases and dynamic users end with the token that asked for them. One that is past its end and
   still there is what its target has not let go: Vault goes on trying, and it is shown.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.credentials.ending import revoke

LEASES_MAX: Final = 1_000  # looked at in one sweep
_ACCESSORS: Final = "/v1/auth/token/accessors"
_LOOK_AT: Final = "/v1/auth/token/lookup-accessor"
_MINTED_BY: Final = "auth/token/create/"
_LEASES: Final = "/v1/sys/leases/lookup"
# Where policies of tiers let agents ask for secrets that live as long as their lease.
_DYNAMIC: Final = ("db/creds", "pki-agents/issue")


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an agent; its age is by Vault's own clock."""

    accessor: str
    role: str
    entity_id: str
    meta: Mapping[str, str]
    age_s: int

    @property
    def asks(self) -> bool:
        """Tell whether it only asks for an approval, ahead of the phase that needs it."""
        return self.role.startswith(naming.gate_role(naming.AGENT_PREFIX))


@dataclass(frozen=True, slots=True)
class SecretLease:
    """A lease of a dynamic secret; ``left_s`` is negative when it should have ended."""

    id: str
    left_s: int


class Sweeper:
    """Lists and revokes as the sweeper's identity."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def tokens(self, limit: int) -> tuple[list[Token], int]:
        """Return agents' tokens (1), and how many accessors were not looked at (3).

        Raises:
            DeniedError: we may not list or look.
            UnavailableError: Vault does not answer.
        """
        accessors = await self._vault.run_as(self._login, lambda client: _keys(client, _ACCESSORS))
        chosen = accessors if len(accessors) <= limit else random.sample(accessors, limit)
        found = [await self._look(accessor) for accessor in chosen]
        return [token for token in found if token is not None], len(accessors) - len(chosen)

    async def revoke(self, accessor: str) -> None:
        """End a token, and with it its leases; harmless when it has ended (2).

        Raises:
            DeniedError: we may not.
            UnavailableError: Vault does not answer.
        """
        await self._vault.run_as(self._login, lambda client: revoke(client, accessor))

    async def leases(self) -> tuple[list[SecretLease], int]:
        """Return leases of agents' dynamic secrets, and how many were not looked at (4).

        Raises:
            DeniedError: we may not list or look.
            UnavailableError: Vault does not answer.
        """
        ids = await self._vault.run_as(self._login, _lease_ids)
        chosen = ids if len(ids) <= LEASES_MAX else random.sample(ids, LEASES_MAX)
        found = [await self._lease(each) for each in chosen]
        return [lease for lease in found if lease is not None], len(ids) - len(chosen)

    async def _look(self, accessor: str) -> Token | None:
        found = await self._vault.run_as(self._login, lambda client: _token(client, accessor))
        return None if found is None else _token_of_agent(found)

    async def _lease(self, lease_id: str) -> SecretLease | None:
        order = {"lease_id": lease_id}
        found = await self._vault.run_as(
            self._login, lambda client: _looked(client, _LEASES, order)
        )
        return None if found is None else SecretLease(lease_id, int(found["ttl"]))


def _token_of_agent(found: Mapping[str, Any]) -> Token | None:
    path = str(found.get("path", ""))
    role = path.removeprefix(_MINTED_BY)
    if role == path or not naming.is_agents_role(role):  # (1) made by a token role of an agent
        return None
    return Token(
        accessor=found["accessor"],
        role=role,
        entity_id=found.get("entity_id") or "",
        meta=found.get("meta") or {},
        age_s=int(found["creation_ttl"]) - int(found["ttl"]),
    )


def _token(client: hvac.Client, accessor: str) -> dict[str, Any] | None:
    """Look at one token; None when it has ended, or is being ended (2)."""
    try:
        return _looked(client, _LOOK_AT, {"accessor": accessor})
    except theirs.Forbidden:
        own = data_of(client.adapter.get("/v1/auth/token/lookup-self"))["accessor"]
        _looked(client, _LOOK_AT, {"accessor": own})  # refused as well: we may not look
        return None


def _looked(client: hvac.Client, path: str, order: Mapping[str, str]) -> dict[str, Any] | None:
    """Look at one thing; None when it has ended (2)."""
    try:
        return data_of(client.adapter.post(path, json=order))
    except (theirs.InvalidRequest, theirs.InvalidPath):
        return None


def _lease_ids(client: hvac.Client) -> list[str]:
    return [
        f"{place}/{role.strip('/')}/{key}"
        for place in _DYNAMIC
        for role in _keys(client, f"{_LEASES}/{place}/")
        for key in _keys(client, f"{_LEASES}/{place}/{role}")
    ]


def _keys(client: hvac.Client, path: str) -> list[str]:
    """List what is under ``path``; nothing where nothing is mounted."""
    try:
        return list(data_of(client.adapter.list(path))["keys"])
    except theirs.InvalidPath:
        return []
