"""Is this Vault fit to mint in? Found out before the first credential; fails closed.

1. Everything is examined as the broker of a queue: what it cannot find out is not good.
2. Only a good result is remembered: a Vault that was put right is examined again, and one that
   passed costs nothing more.
3. A Vault that does not answer is not bad, it is not known: whoever asks is told to try again, and
   until it is known nothing is minted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import hvac

from dsl.core import Tier
from integrations.errors import DeniedError, UnavailableError
from integrations.vault.checks.control_groups.examination import gate_lock
from integrations.vault.checks.facts import Fact
from integrations.vault.checks.probe import probe
from integrations.vault.checks.tier_trial import examine_tiers
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login

_EXECUTORS: Final = "mandate-t3"
TIERS: Final[Mapping[str, tuple[Tier, ...]]] = {
    "mandate": (Tier.T0, Tier.T1, Tier.T2),
    _EXECUTORS: (Tier.T3, Tier.T4),
}


async def examine(vault: Vault, login: Login) -> tuple[Fact, ...]:
    """Return every fact, as seen by the broker of a queue in ``TIERS`` (1)."""
    facts = await probe(vault, login)
    if any(fact.name in ("server", "worker login") and not fact.good for fact in facts):
        return facts
    facts += (await examine_tiers(vault, login, TIERS[login.queue]),)
    return (*facts, *await gate_lock(vault, login)) if login.queue == _EXECUTORS else facts


class Fitness:
    """What one broker knows of its Vault."""

    def __init__(self, vault: Vault, login: Login) -> None:
        self._vault = vault
        self._login = login
        self._passed = False
        self._one_at_a_time = asyncio.Lock()

    async def require(self) -> None:
        """Go on only in a Vault that has passed (2).

        Raises:
            DeniedError: it has not: the first thing that is wrong, and what to do.
            UnavailableError: it does not answer (3).
        """
        if self._passed:
            return
        async with self._one_at_a_time:
            if not self._passed:
                self._judge(await examine(self._vault, self._login))
                self._passed = True

    def _judge(self, facts: tuple[Fact, ...]) -> None:
        bad = next((fact for fact in facts if not fact.good), None)
        if bad is None:
            return
        said = f"{bad.name}: {bad.detail}"
        if bad.away:
            raise UnavailableError(f"vault cannot be examined now: {said}")
        fix = f": {bad.fix}" if bad.fix else ""
        raise DeniedError(f"nothing is minted in this vault, {said}{fix}")


class Examined:
    """Speaks as a login, once its Vault has passed."""

    def __init__(self, login: Login, fitness: Fitness) -> None:
        self._login = login
        self._fitness = fitness

    async def client(self) -> hvac.Client:
        """Return a client that is logged in.

        Raises:
            DeniedError: the Vault has not passed, or refuses the login.
            UnavailableError: it does not answer.
        """
        await self._fitness.require()
        return await self._login.client()

    async def forget(self, client: hvac.Client) -> None:
        """Hear that the credential of ``client`` is dead."""
        await self._login.forget(client)
