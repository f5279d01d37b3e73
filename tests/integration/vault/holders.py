"""Agents and tokens for the tests of this folder."""

from __future__ import annotations

import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from dsl.core import AgentPhase, Tier
from integrations.vault.client import Vault
from integrations.vault.credentials.credential import Credential
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity import tiers
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao

BINDING = {"pipeline": "deploy", "template": "default", "program": "sha256:" + "0" * 64}


def new_agent(prefix: str = "agent") -> str:
    return f"{prefix}.{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Holder:
    """A registered agent and a token it holds, as EXECUTE would get it."""

    agent: str
    entity_id: str
    token: str


async def register(registrar: Registrar, tier: Tier = Tier.T2) -> tuple[str, str]:
    """Register a new agent; return its id and its entity's."""
    agent = new_agent()
    known = await registrar.register(agent, initial_tier=tier, binding=BINDING)
    return agent, known.entity_id


async def holder_at(server: OpenBao, registrar: Registrar, tier: Tier) -> Holder:
    """Register an agent, raise it to ``tier`` as root, and mint for EXECUTE as root."""
    agent, entity_id = await register(registrar, Tier.T0)
    set_tier(server, entity_id, tier)
    role = f"{'gov3' if tier >= Tier.T3 else 'gov'}-agent-{agent}"
    policies = tiers.policies_for(AgentPhase.EXECUTE, tier)
    auth = server.as_root("POST", f"auth/token/create/{role}", **mint_order(agent, *policies))[
        "auth"
    ]
    assert auth["entity_id"] == entity_id
    return Holder(agent, entity_id, auth["client_token"])


async def executor(server: OpenBao, registrar: Registrar) -> tuple[str, str]:
    """Register an agent and raise it to T3; return its id and its entity's."""
    agent, entity_id = await register(registrar, Tier.T2)
    set_tier(server, entity_id, Tier.T3)
    return agent, entity_id


def set_tier(server: OpenBao, entity_id: str, tier: Tier) -> None:
    """Write the whole metadata, as a promotion or demotion does."""
    metadata = {**tiers.zone_metadata(tier), **BINDING}
    server.as_root("POST", f"identity/entity/id/{entity_id}", metadata=metadata)


def mint_order(agent: str, *policies: str, **changes: Any) -> dict[str, Any]:
    """Return what a broker sends to mint; ``changes`` of None take a parameter out."""
    order = {
        "entity_alias": f"agent-{agent}",
        "policies": list(policies),
        "ttl": "60s",
        "no_default_policy": True,
        "renewable": False,
        "type": "service",
        **changes,
    }
    return {key: value for key, value in order.items() if value is not None}


def executing(
    issuer: TokenRoleIssuer, agent: str, entity_id: str, tier: Tier = Tier.T2, ttl_s: int = 60
) -> AbstractAsyncContextManager[Credential]:
    """Return the credential EXECUTE would get."""
    return issuer.credential(
        agent, entity_id, phase=AgentPhase.EXECUTE, tier=tier, ttl_s=ttl_s, meta={"run": "r/1"}
    )


async def token_of(login: Login) -> str:
    """Return the token a worker is logged in with."""
    client = await login.client()
    return str(client.token)


async def is_alive(vault: Vault, token: str) -> bool:
    return await vault.is_alive(vault.client(token))


def living_tokens(server: OpenBao, entity_id: str) -> list[str]:
    """Return the accessors of the entity's tokens."""
    living = []
    for accessor in server.as_root("LIST", "auth/token/accessors")["data"]["keys"]:
        reply = server.raw(
            server.root_token, "POST", "auth/token/lookup-accessor", accessor=accessor
        )
        if reply.ok and reply.json()["data"]["entity_id"] == entity_id:
            living.append(accessor)
    return living


def token_in(credential: Credential) -> str:
    assert credential._client is not None
    return str(credential._client.token)
