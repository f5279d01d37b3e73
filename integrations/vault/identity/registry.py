"""Agents as Vault knows them: one entity each, bound to what it was first seen as.

1. Tier and binding are written when the entity is made, and never again here: raising and
   lowering is promotion's business, and an agent that comes back as something else is refused
   by whoever compares.
2. No agent starts at T3 or T4.
3. Registering again is harmless, and finishes what an earlier attempt left half done.
4. Entity first, then alias, then token role: a role whose alias does not exist would make
   Vault invent an entity at the first mint.
5. What is returned is what Vault holds afterwards, never what was sent.
6. An agent of a registered plan gets the token roles of T3 and T4 as well, an inline one never.
   They open nothing by themselves: the tier is metadata of the entity, and policies name zones by
   it, so a token of such a role reads no more than the agent's tier allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from dsl.core import Tier
from dsl.rules.trust.admission import is_inline
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.vault import naming
from integrations.vault.client import Vault, data_of
from integrations.vault.identity import tiers
from integrations.vault.login.approle import Login

BINDING_FIELDS: Final = ("pipeline", "template", "program")
TOKEN_LIFE_MAX_S: Final = 1_800
REQUEST_LIFE_MAX_S: Final = 744 * 3_600  # of a token that asks for an approval

# Texts, not lists: the registrar's policy compares them, and lets nothing else through.
_ROLE: Final = {
    "orphan": True,  # outlives the broker's login, which is shorter than a phase may be
    "renewable": False,
    "token_no_default_policy": True,
    "token_type": "service",
}
_BUILDING: Final = {"allowed_policies": "gov-t0,gov-t1,gov-t2", "token_explicit_max_ttl": "30m"}
_EXECUTING: Final = {
    "allowed_policies": "gov-t0,gov-t1,gov-t2,gov-t3,gov-t4",
    "token_explicit_max_ttl": "30m",
}
_ASKING: Final = {"allowed_policies": "gov-t3", "token_explicit_max_ttl": "744h"}
# No '/', '*' or '+': in metadata that a policy names they would break every request.
_VALUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,255}|")


@dataclass(frozen=True, slots=True)
class Known:
    """An agent as Vault holds it now."""

    entity_id: str
    tier: Tier
    binding: dict[str, str]
    disabled: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """An agent after its registration."""

    entity_id: str
    tier: Tier
    binding: dict[str, str]
    created: bool


class Registry:
    """Reads agents; every phase worker may."""

    def __init__(self, vault: Vault, login: Login) -> None:
        self._vault = vault
        self._login = login

    async def read(self, agent: str) -> Known:
        """Return the agent as Vault holds it now.

        Raises:
            NotFoundError: it was never registered.
            CorruptError: it was made by somebody else.
        """
        name = naming.entity_name(agent)
        entity = await self._vault.run_as(self._login, lambda client: read_entity(client, name))
        if entity is None:
            raise NotFoundError(f"agent {agent!r} is not registered")
        return known_of(agent, entity)


class Registrar:
    """Makes agents known; only the trust queue's identity may."""

    def __init__(self, vault: Vault, login: Login) -> None:
        self._vault = vault
        self._login = login

    async def register(
        self, agent: str, *, initial_tier: Tier, binding: Mapping[str, str]
    ) -> Registered:
        """Make the agent known at ``initial_tier``, or find it as it is (1) (3).

        Args:
            agent: its id.
            initial_tier: held by a new agent; T2 at most (2).
            binding: what a new agent is bound to: ``pipeline``, ``template``, ``program``.

        Raises:
            DeniedError: the tier or a name is not allowed.
            CorruptError: the entity was made by somebody else.
        """
        if initial_tier > tiers.INITIAL_TIER_MAX:  # (2) none starts at T3
            raise DeniedError(
                f"a new agent cannot hold {initial_tier.name}: expected "
                f"{tiers.INITIAL_TIER_MAX.name} at most; promote it later"
            )
        name = naming.entity_name(agent)
        metadata = {**tiers.zone_metadata(initial_tier), **checked_binding(binding)}
        roles = _roles(agent)

        def ask(client: hvac.Client) -> tuple[dict[str, Any], bool]:
            return _register(client, name, roles, metadata)

        entity, created = await self._vault.run_as(self._login, ask)
        known = known_of(agent, entity)
        return Registered(known.entity_id, known.tier, known.binding, created)


def _register(
    client: hvac.Client,
    name: str,
    roles: Mapping[str, Mapping[str, str]],
    metadata: Mapping[str, str],
) -> tuple[dict[str, Any], bool]:
    """Make what is missing of entity, alias and roles, in this order (4)."""
    entity = read_entity(client, name)
    created = entity is None
    if entity is None:
        client.adapter.post(entity_path(name), json={"metadata": metadata})
        # (5) what Vault holds, not what was sent
        entity = data_of(client.adapter.get(entity_path(name)))
    if not _has_alias(entity, name):
        accessor = data_of(client.adapter.get("/v1/sys/auth"))["token/"]["accessor"]
        client.adapter.post(
            "/v1/identity/entity-alias",
            json={"name": name, "canonical_id": entity["id"], "mount_accessor": accessor},
        )
        entity = data_of(client.adapter.get(entity_path(name)))
    # Always, since the registrar may not read it: a role somebody widened is narrow again.
    for role, shape in roles.items():
        client.adapter.post(
            f"/v1/auth/token/roles/{role}",
            json={**_ROLE, **shape, "allowed_entity_aliases": name},
        )
    return entity, created


def _roles(agent: str) -> dict[str, Mapping[str, str]]:
    """Return the shape of every token role the agent gets, by the role's name (6)."""
    roles: dict[str, Mapping[str, str]] = {naming.token_role(agent, Tier.T0): _BUILDING}
    if not is_inline(agent):
        roles[naming.token_role(agent, Tier.T3)] = _EXECUTING
        roles[naming.gate_role(naming.entity_name(agent))] = _ASKING
    return roles


def read_entity(client: hvac.Client, name: str) -> dict[str, Any] | None:
    """Return the entity of that name; None where there is none."""
    try:
        return data_of(client.adapter.get(entity_path(name)))
    except theirs.InvalidPath:
        return None


def entity_path(name: str) -> str:
    """Return where the entity of that name is read and written."""
    return f"/v1/identity/entity/name/{name}"


def _has_alias(entity: Mapping[str, Any], name: str) -> bool:
    aliases = entity.get("aliases") or ()
    return any(alias["mount_path"] == "auth/token/" and alias["name"] == name for alias in aliases)


def known_of(agent: str, entity: Mapping[str, Any]) -> Known:
    """Return what the entity says of the agent.

    Raises:
        CorruptError: it was made by somebody else.
    """
    metadata = entity.get("metadata") or {}
    tier = Tier.__members__.get(metadata.get(tiers.TIER_KEY, ""))
    if tier is None:
        raise CorruptError(
            f"the entity of agent {agent!r} holds no tier: it was not made by the registrar"
        )
    return Known(
        entity_id=entity["id"],
        tier=tier,
        binding={field: metadata.get(field, "") for field in BINDING_FIELDS},
        disabled=bool(entity["disabled"]),
    )


def checked_binding(binding: Mapping[str, str]) -> dict[str, str]:
    """Return ``binding`` if metadata of an entity can hold it.

    Raises:
        DeniedError: a value would break every request of the agent.
    """
    unknown = sorted(set(binding) - set(BINDING_FIELDS))
    if unknown:
        raise ValueError(f"binding: expected {', '.join(BINDING_FIELDS)}, got {unknown}")
    for field, value in binding.items():
        if _VALUE.fullmatch(value) is None:
            raise DeniedError(
                f"an agent cannot be bound to {field} {value!r}: expected letters, digits, "
                "'_', '.', ':' and '-'"
            )
    return dict(binding)
