"""Stopping an agent in Vault, and letting it come back.

1. Disable first, then end the tokens: no request that starts after ``disable`` returns succeeds,
   and none is minted any more. Tokens are ended because enabling would revive them, and because
   what was leased with them goes only with them.
2. An entity is never made here: Vault would make one for an agent it does not know. It is never
   deleted either: the next mint would make a new one, enabled.
3. What was done is read back.
4. A mint that was under way while its agent was disabled may register its token after the others
   were ended. It opens nothing, and ``tokens_left`` counts it: ask that again, and end again.
5. Coming back takes a grant that was not applied before, to an agent that is disabled; first its
   tokens end, then one write enables it at the lowest tier. One that is enabled there already, by
   a reinstatement that went no further, is written once more: so the new grant is used up, too.
"""

from __future__ import annotations

from dataclasses import replace

import hvac
from hvac import exceptions as theirs

from dsl.core import Tier
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.identity.registry import entity_path, read_entity
from integrations.vault.identity.standing import (
    Change,
    Held,
    change_standing,
    refuse_other,
    refuse_used,
    write_standing,
)


class Brake:
    """Stops agents; only the identity ``naming.REVOKER`` may. It cannot let them go again."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def disable(self, agent: str) -> None:
        """Disable the agent's entity; harmless when it is so (1) (2) (3).

        Raises:
            NotFoundError: it was never registered.
            CorruptError: it is not disabled afterwards.
            DeniedError: we may not.
            UnavailableError: Vault does not answer; it may be disabled.
        """
        await self.is_disabled(agent)  # (2) no entity is made for a stranger
        await self.disable_known(agent)

    async def disable_known(self, agent: str) -> None:
        """Disable an agent of which the caller has just seen that Vault knows it (1) (2) (3).

        Raises:
            CorruptError: it is not disabled afterwards.
            DeniedError: we may not.
            UnavailableError: Vault does not answer; it may be disabled.
        """
        name = naming.entity_name(agent)

        def ask(client: hvac.Client) -> None:
            client.adapter.post(entity_path(name), json={"disabled": True})
            if not _is_disabled(client, agent, name):
                raise CorruptError(
                    f"agent {agent!r} was disabled and is not: somebody else changes it; "
                    "look at vault's audit log"
                )

        await self._vault.run_as(self._login, ask)

    async def is_disabled(self, agent: str) -> bool:
        """Tell whether the agent's entity is disabled now.

        Raises:
            NotFoundError: it was never registered.
            DeniedError: we may not ask.
            UnavailableError: Vault does not answer.
        """
        name = naming.entity_name(agent)
        return await self._vault.run_as(
            self._login, lambda client: _is_disabled(client, agent, name)
        )

    async def end_tokens(self, agent: str) -> None:
        """End every token of the agent, and what was leased with it; harmless when repeated (1).

        Raises:
            DeniedError: we may not.
            UnavailableError: Vault does not answer; some may be left.
        """
        await _end_tokens(self._vault, self._login, agent)

    async def tokens_left(self, agent: str) -> int:
        """Count the tokens of the agent that have not ended (4).

        Raises:
            DeniedError: we may not ask.
            UnavailableError: Vault does not answer.
        """
        roles = naming.token_roles(agent)
        return await self._vault.run_as(
            self._login, lambda client: sum(_count(client, role) for role in roles)
        )


class Release:
    """Lets agents come back; only the identity ``naming.REINSTATER`` may. It disables nobody."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def end_tokens(self, agent: str) -> None:
        """End every token of the agent, and what was leased with it; harmless when repeated.

        Raises:
            DeniedError: we may not.
            UnavailableError: Vault does not answer; some may be left.
        """
        await _end_tokens(self._vault, self._login, agent)

    async def enable(self, agent: str, entity_id: str, grant: int) -> Change:
        """Let the agent come back at T0, with no token of before (5).

        Args:
            agent: its id.
            entity_id: whom the grant is for.
            grant: place of the grant on the ledger.

        Raises:
            NotFoundError: the agent was never registered.
            DeniedError: it is not disabled, or the grant is not for it or used up; or we may not.
            CorruptError: Vault holds something else than was written.
            UnavailableError: Vault does not answer.
        """

        def change(client: hvac.Client, held: Held) -> Change:
            refuse_other(agent, held, entity_id)
            if held.grant == grant and not held.disabled:
                return Change(held.tier, held.tier, changed=False)
            refuse_used(agent, held, grant)
            if not held.disabled and held.tier is not Tier.T0:
                raise DeniedError(f"agent {agent!r} is not revoked: there is nothing to lift")
            for role in naming.token_roles(agent):
                _revoke(client, role)
            write_standing(client, agent, replace(held, tier=Tier.T0, grant=grant), enable=True)
            return Change(held.tier, Tier.T0, changed=True)

        return await change_standing(self._vault, self._login, agent, change)


async def _end_tokens(vault: Vault, login: Identity, agent: str) -> None:
    roles = naming.token_roles(agent)

    def ask(client: hvac.Client) -> None:
        for role in roles:
            _revoke(client, role)

    await vault.run_as(login, ask)


def _revoke(client: hvac.Client, role: str) -> None:
    path = f"/v1/sys/leases/revoke-prefix/auth/token/create/{role}"
    client.adapter.post(path, json={"sync": True})  # else it answers before they have ended


def _count(client: hvac.Client, role: str) -> int:
    try:
        # The slash ends the name: ``agent-m2`` is not ``agent-m22``.
        found = data_of(client.adapter.list(f"/v1/sys/leases/lookup/auth/token/create/{role}/"))
    except theirs.InvalidPath:
        return 0
    return len(found["keys"])


def _is_disabled(client: hvac.Client, agent: str, name: str) -> bool:
    entity = read_entity(client, name)
    if entity is None:
        raise NotFoundError(f"agent {agent!r} is not registered")
    return bool(entity["disabled"])
