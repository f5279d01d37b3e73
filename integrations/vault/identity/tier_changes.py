"""Raising and lowering an agent's tier, which is metadata of its entity.

It decides nothing: who deserves what is for the ledger and for people to say. It refuses what no
grant can mean, and what a grant has been used for already.

1. Up by one tier, for an agent that stands as the grant says: same entity, same tier, not revoked.
2. A grant is good for one change: a later one than the last applied, or the same one again, which
   changes nothing. So a grant that was read off somewhere raises nobody twice.
3. Down by one tier, for one key, whatever the agent's state. Held tokens lose access at once.
4. The key of a lowering is remembered, also where there is nothing below: a retry finds it, and
   says what it was lowered from. The last ``LOWERINGS_MAX`` are.
5. Changes of one agent do not overlap, in this process; see ``standing`` for two processes.
6. A rebinding writes binding and tier at once, and raises nobody: who was lowered meanwhile keeps
   the lower tier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import hvac

from dsl.core import Tier
from dsl.rules.trust.grant import Grant
from integrations.errors import DeniedError, RevokedError
from integrations.vault.client import Identity, Vault
from integrations.vault.identity.registry import checked_binding
from integrations.vault.identity.standing import (
    LOWERINGS_MAX,
    Change,
    Held,
    change_standing,
    read_standing,
    refuse_other,
    refuse_used,
    write_standing,
)

_KEY_LENGTH: Final = 12


class TierChanges:
    """Writes tiers; only the identity ``naming.PROMOTER`` may."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def read(self, agent: str) -> Held:
        """Return how the agent stands now.

        Raises:
            NotFoundError: it was never registered.
            CorruptError: somebody else has written its entity.
            UnavailableError: Vault does not answer.
        """
        return await read_standing(self._vault, self._login, agent)

    async def promote(self, agent: str, entity_id: str, was: Tier, now: Tier, grant: int) -> Change:
        """Raise the agent by one tier (1) (2).

        Args:
            agent: its id.
            entity_id: whom the grant is for.
            was: the tier it must hold.
            now: the next one.
            grant: place of the grant on the ledger.

        Raises:
            NotFoundError: the agent was never registered.
            RevokedError: it is disabled.
            DeniedError: the grant does not fit how it stands, or was used; or we may not.
            CorruptError: Vault holds something else than was written.
            UnavailableError: Vault does not answer.
        """
        if now != was + 1 or grant < 0:
            raise DeniedError(
                f"agent {agent!r} is raised by one tier with a grant of the ledger: "
                f"got {was.name} to {now.name} with grant {grant}"
            )

        def change(client: hvac.Client, held: Held) -> Change:
            refuse_other(agent, held, entity_id)
            if held.disabled:
                raise RevokedError(f"agent {agent!r} is disabled in Vault")
            if (held.grant, held.tier) == (grant, now):  # (2) the same one again changes nothing
                return Change(was, now, changed=False)
            refuse_used(agent, held, grant)
            if held.tier is not was:
                raise DeniedError(
                    f"the grant raises agent {agent!r} from {was.name}, "
                    f"it holds {held.tier.name}: ask for a new one"
                )
            write_standing(client, agent, replace(held, tier=now, grant=grant))
            return Change(was, now, changed=True)

        return await change_standing(self._vault, self._login, agent, change)

    async def rebind(self, grant: Grant, binding: Mapping[str, str]) -> Change:
        """Bind the agent to something else, at the tier that survives (2) (6).

        Args:
            grant: to rebind, verified.
            binding: what the grant names by digest.

        Raises:
            NotFoundError, RevokedError, DeniedError, CorruptError, UnavailableError: as promote.
        """
        agent, was, now = grant.agent, grant.was, grant.now
        bound = checked_binding(binding)

        def change(client: hvac.Client, held: Held) -> Change:
            refuse_other(agent, held, grant.entity)
            if held.disabled:
                raise RevokedError(f"agent {agent!r} is disabled in Vault")
            if held.grant == grant.entry and bound.items() <= held.metadata.items():
                return Change(was, held.tier, changed=False)
            refuse_used(agent, held, grant.entry)
            after = min(held.tier, now)  # it may have been lowered since
            metadata = {**held.metadata, **bound}
            write_standing(
                client, agent, replace(held, tier=after, grant=grant.entry, metadata=metadata)
            )
            return Change(was, after, changed=True)

        return await change_standing(self._vault, self._login, agent, change)

    async def demote(self, agent: str, key: str) -> Change:
        """Lower the agent by one tier, once for ``key`` (3) (4).

        Returns:
            what it was lowered from by this key, and what it holds now.

        Raises:
            NotFoundError: the agent was never registered.
            CorruptError: Vault holds something else than was written.
            DeniedError: we may not.
            UnavailableError: Vault does not answer.
        """
        digest = hashlib.sha256(key.encode()).hexdigest()[:_KEY_LENGTH]

        def change(client: hvac.Client, held: Held) -> Change:
            if digest in held.lowered:
                return Change(held.lowered[digest], held.tier, changed=False)
            now = Tier(max(held.tier - 1, Tier.T0))
            last = list(held.lowered.items())[1 - LOWERINGS_MAX :]
            lowered = {**dict(last), digest: held.tier}
            write_standing(client, agent, replace(held, tier=now, lowered=lowered))
            return Change(held.tier, now, changed=now is not held.tier)

        return await change_standing(self._vault, self._login, agent, change)
