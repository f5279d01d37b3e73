"""The agent by which it is tried whether approvals are enforced. It is nobody and runs nothing.

1. It is an executor by tier, with a production secret that is worth nothing: what holds it back,
   holds back the others.
2. Its entity is made before its alias, and that before its role, as for every agent.
3. Making it again changes nothing.
"""

from __future__ import annotations

from typing import Any

import hvac
from hvac import exceptions as theirs

from dsl.core import Tier
from integrations.vault import naming, tiers
from integrations.vault.client import data_of

_ENTITY = f"/v1/identity/entity/name/{naming.CANARY}"
_ROLE = {
    "allowed_policies": naming.EXECUTOR_POLICY,
    "allowed_entity_aliases": naming.CANARY,
    "orphan": True,
    "renewable": False,
    "token_no_default_policy": True,
    "token_explicit_max_ttl": "5m",
    "token_type": "service",
}


def make_canary(client: hvac.Client) -> None:
    """Make entity, alias, role and secret, as the installer (1) (2) (3)."""
    metadata = tiers.zone_metadata(Tier.T3)
    entity = _read(client)
    if entity is None or (entity.get("metadata") or {}) != metadata:
        client.adapter.post(_ENTITY, json={"metadata": metadata})
        entity = data_of(client.adapter.get(_ENTITY))
    if not any(alias["name"] == naming.CANARY for alias in entity.get("aliases") or ()):
        accessor = data_of(client.adapter.get("/v1/sys/auth"))["token/"]["accessor"]
        order = {
            "name": naming.CANARY,
            "canonical_id": entity["id"],
            "mount_accessor": accessor,
        }
        client.adapter.post("/v1/identity/entity-alias", json=order)
    client.adapter.post(f"/v1/auth/token/roles/{naming.gate_role(naming.CANARY)}", json=_ROLE)
    _write_secret(client)


def _read(client: hvac.Client) -> dict[str, Any] | None:
    try:
        return data_of(client.adapter.get(_ENTITY))
    except theirs.InvalidPath:
        return None


def _write_secret(client: hvac.Client) -> None:
    """Write the secret unless there is one: the installer may not read it."""
    order = {"options": {"cas": 0}, "data": {"value": "nothing: this secret is never redeemed"}}
    path = f"/v1/{naming.KV_PROD}/data/{naming.CANARY_SECRET}"
    try:
        client.adapter.post(path, json=order)
    except theirs.InvalidRequest as error:
        if "check-and-set" not in " ".join(map(str, error.errors or ())):
            raise
