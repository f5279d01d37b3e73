"""Credentials just in time: minted for one phase, gone with it.

How they are minted is behind ``CredentialIssuer``: token roles now, signed identities later.

1. A credential lives inside ``async with``. However that ends, the token is revoked; also when
   the caller is cancelled while it is being minted, since a thread cannot be stopped and would
   leave a token nobody knows.
2. What was minted is compared with what was meant: the entity, the policies, the kind. A wrong
   token is revoked unused. Vault would make up an entity where it knows none.
3. A failure to revoke fails nobody: it is tried again, whatever becomes of this worker: see
   ``ending``. The token's own end is near besides, and is never renewed.
4. It lives as long as asked, at most what its role allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import hvac

from dsl.core import AgentPhase, Tier
from integrations.errors import DeniedError, IntegrationError, RevokedError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, auth_of, data_of
from integrations.vault.credentials.credential import Credential
from integrations.vault.credentials.ending import CredentialEnds
from integrations.vault.identity.registry import TOKEN_LIFE_MAX_S
from integrations.vault.identity.tiers import policies_for


class CredentialIssuer(Protocol):
    """Gives an agent a credential for one phase."""

    def credential(
        self,
        agent: str,
        entity_id: str,
        *,
        phase: AgentPhase,
        tier: Tier,
        ttl_s: int,
        meta: Mapping[str, str],
    ) -> AbstractAsyncContextManager[Credential]:
        """Return the context in which the credential lives.

        Args:
            agent: its id.
            entity_id: whom the agent was registered as; another one is refused.
            phase: decides, with ``tier``, what the credential may do.
            tier: the tier asked for by the stage.
            ttl_s: seconds until it ends by itself; capped.
            meta: shown in Vault's audit log; no secrets.

        Raises:
            DeniedError: Vault refuses, or minted something else.
            RevokedError: the agent is disabled.
            UnavailableError: Vault does not answer.
        """


class TokenRoleIssuer:
    """Mints from one token role per agent, as the broker of the worker's queue."""

    def __init__(self, vault: Vault, login: Identity, ends: CredentialEnds | None = None) -> None:
        """Mint as ``login``; ``ends`` ends what was minted, also after this worker."""
        self._vault = vault
        self._login = login
        self._ends = ends or CredentialEnds(vault, login)
        self._ending: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def credential(
        self,
        agent: str,
        entity_id: str,
        *,
        phase: AgentPhase,
        tier: Tier,
        ttl_s: int,
        meta: Mapping[str, str],
    ) -> AsyncIterator[Credential]:
        """See the protocol."""
        path = f"/v1/auth/token/create/{naming.token_role(agent, tier)}"
        policies = policies_for(phase, tier)
        order = {
            "entity_alias": naming.entity_name(agent),
            "policies": policies,
            "ttl": f"{min(max(ttl_s, 1), TOKEN_LIFE_MAX_S)}s",  # (4) at most what its role allows
            "meta": dict(meta),
            "display_name": agent,
            "no_default_policy": True,
            "renewable": False,
            "type": "service",
        }
        minting = asyncio.ensure_future(self._mint(agent, entity_id, policies, path, order))
        try:
            yield await asyncio.shield(minting)
        finally:
            await self._to_the_end(self._end(minting))  # (1) revoked however it ends

    async def _mint(
        self,
        agent: str,
        entity_id: str,
        policies: tuple[str, ...],
        path: str,
        order: Mapping[str, Any],
    ) -> Credential:
        def ask(client: hvac.Client) -> Any:
            return client.adapter.post(path, json=order)

        try:
            auth = auth_of(await self._vault.run_as(self._login, ask))
        except DeniedError as error:
            raise await self._refusal(agent, error) from None
        self._ends.keep(auth["accessor"], str(order["meta"].get("run_id", "")))
        credential = Credential(
            self._vault,
            self._vault.client(auth["client_token"]),
            agent=agent,
            entity_id=auth["entity_id"],
            accessor=auth["accessor"],
            policies=policies,
        )
        different = difference(auth, entity_id, policies)
        if different is not None:  # (2) a wrong one is revoked unused
            await self._revoke(credential)
            raise DeniedError(f"vault minted something else for agent {agent!r}: {different}")
        return credential

    async def _refusal(self, agent: str, error: DeniedError) -> IntegrationError:
        """Tell a disabled agent from a right that is missing."""
        path = f"/v1/identity/entity/name/{naming.entity_name(agent)}"
        try:
            entity = data_of(
                await self._vault.run_as(self._login, lambda client: client.adapter.get(path))
            )
        except IntegrationError:
            return error  # the first refusal says more
        if entity["disabled"]:
            return RevokedError(f"agent {agent!r} is disabled in Vault")
        return DeniedError(f"no credential for agent {agent!r}: {error}")

    async def _end(self, minting: asyncio.Future[Credential]) -> None:
        try:
            credential = await minting
        except IntegrationError:
            return  # there is nothing to end
        await self._revoke(credential)

    async def _revoke(self, credential: Credential) -> None:
        credential.end()
        await self._ends.end(credential.accessor)  # (3) and again, where that fails

    async def _to_the_end(self, work: Awaitable[None]) -> None:
        """Wait for ``work``; it goes on when the caller is cancelled meanwhile."""
        task = asyncio.ensure_future(work)
        self._ending.add(task)  # the loop holds tasks weakly
        task.add_done_callback(self._ending.discard)
        await asyncio.shield(task)


def difference(auth: Mapping[str, Any], entity_id: str, policies: tuple[str, ...]) -> str | None:
    """Say how a minted token differs from what was meant; None when it does not (2)."""
    granted = set(auth["policies"])  # those of its entity's groups included
    if not entity_id or auth["entity_id"] != entity_id:
        return f"expected entity {entity_id!r}, got {auth['entity_id']!r}"
    if granted != set(policies):
        return f"expected policies {sorted(policies)}, got {sorted(granted)}"
    kind = auth["token_type"]
    if kind != "service" or auth["renewable"]:
        return f"expected a service token that ends, got {kind!r}"
    return None
