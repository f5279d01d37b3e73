"""Tokens that ask for an approval ahead of time, and what Vault answers them. Blocking.

1. Such a token has one policy and one use: to make a read that Vault holds back. It is compared
   with what was meant, as every minted token is, and revoked when it is something else.
2. A read that is not held back is nothing to us: what it returned is dropped unseen.
3. Where the token may not read at all, or nothing is there, nothing is held back either.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import hvac
from hvac import exceptions as theirs

from integrations.errors import DeniedError
from integrations.vault import naming
from integrations.vault.client import auth_of
from integrations.vault.credentials.ending import revoke
from integrations.vault.credentials.issuer import difference

_POLICIES = (naming.EXECUTOR_POLICY,)


@dataclass(frozen=True, slots=True)
class RequestToken:
    """A token; the accessor ends it and opens nothing."""

    token: str = field(repr=False)
    accessor: str


def mint(
    client: hvac.Client, entity: str, entity_id: str, *, ttl_s: int, meta: Mapping[str, str]
) -> RequestToken:
    """Mint a token that asks in the name of ``entity``, an agent's (1).

    Raises:
        DeniedError: Vault minted something else.
    """
    role = naming.gate_role(entity)
    return mint_from(client, role, entity, entity_id, _POLICIES, ttl_s=ttl_s, meta=meta)


def mint_from(
    client: hvac.Client,
    role: str,
    entity: str,
    entity_id: str,
    policies: tuple[str, ...],
    *,
    ttl_s: int,
    meta: Mapping[str, str],
) -> RequestToken:
    """Mint a token of ``role`` and compare it with what was meant.

    Raises:
        DeniedError: Vault minted something else.
    """
    order = {
        "entity_alias": entity,
        "policies": list(policies),
        "ttl": f"{ttl_s}s",
        "meta": dict(meta),
        "display_name": entity,
        "no_default_policy": True,
        "renewable": False,
        "type": "service",
    }
    auth = auth_of(client.adapter.post(f"/v1/auth/token/create/{role}", json=order))
    different = difference(auth, entity_id, policies)
    if different is not None:
        revoke(client, auth["accessor"])
        raise DeniedError(f"vault minted something else for {entity!r}: {different}")
    return RequestToken(auth["client_token"], auth["accessor"])


def held_back(reader: hvac.Client, mount: str, path: str) -> RequestToken | None:
    """Read a secret; return what redeems the read later, None when it is not held back (2)."""
    reply: Any = None
    with suppress(theirs.Forbidden, theirs.InvalidPath):  # (3) nothing is held back either
        reply = reader.adapter.get(f"/v1/{mount}/data/{path}")
    wrapped = reply.get("wrap_info") if isinstance(reply, dict) else None
    return RequestToken(wrapped["token"], wrapped["accessor"]) if wrapped else None
