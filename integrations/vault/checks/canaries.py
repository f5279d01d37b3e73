"""Agents by which something is tried. They are nobody and run nothing.

1. A canary's entity is made before its alias, and that before its role, as for every agent.
2. Making it again changes nothing, and puts right what somebody has changed.
3. There is one per tier: its metadata is that of an agent that holds the tier, and its role allows
   what EXECUTE is minted with at that tier. So what it is granted, is granted to every such agent.
4. Nobody can use the token of such a one: it is bound to an address that no machine has. It is
   there to be looked at, which Vault does without it being used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from dsl.core import AgentPhase, Tier
from integrations.vault import naming
from integrations.vault.client import data_of
from integrations.vault.identity import tiers

_ROLE: Final = {
    "orphan": True,
    "renewable": False,
    "token_no_default_policy": True,
    "token_explicit_max_ttl": "5m",
    "token_type": "service",
}
_NOWHERE: Final = {"token_bound_cidrs": "192.0.2.1/32"}  # TEST-NET-1, RFC 5737 (4)


def make_tier_canaries(client: hvac.Client) -> None:
    """Make one canary per tier, as the installer (2) (3)."""
    for tier, entity in naming.TIER_CANARIES.items():
        allowed = ",".join(tiers.policies_for(AgentPhase.EXECUTE, tier))
        role = naming.role_of(entity, tier)
        make_one(client, entity, tier, role, {"allowed_policies": allowed, **_NOWHERE})


def make_one(
    client: hvac.Client, entity: str, tier: Tier, role: str, shape: Mapping[str, str]
) -> None:
    """Make an entity that holds ``tier``, its alias, and a token role for it (1) (2)."""
    path, metadata = f"/v1/identity/entity/name/{entity}", tiers.zone_metadata(tier)
    found = _read(client, path)
    if found is None or (found.get("metadata") or {}) != metadata:
        client.adapter.post(path, json={"metadata": metadata})
        found = data_of(client.adapter.get(path))
    if not any(alias["name"] == entity for alias in found.get("aliases") or ()):
        accessor = data_of(client.adapter.get("/v1/sys/auth"))["token/"]["accessor"]
        order = {"name": entity, "canonical_id": found["id"], "mount_accessor": accessor}
        client.adapter.post("/v1/identity/entity-alias", json=order)
    order = {**_ROLE, **shape, "allowed_entity_aliases": entity}
    client.adapter.post(f"/v1/auth/token/roles/{role}", json=order)


def _read(client: hvac.Client, path: str) -> dict[str, Any] | None:
    try:
        return data_of(client.adapter.get(path))
    except theirs.InvalidPath:
        return None
