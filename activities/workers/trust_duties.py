"""What the worker of ``mandate-trust`` does: it makes agents known, and changes their trust.

1. Each kind of act has an identity of its own at Vault, so that none of them can do another's.
2. The revoker stays logged in: a brake does not have to log in first. Where Vault is away, it logs
   in when it is needed, as the others do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio.client import Client

from activities.contracts import specs
from activities.health.circuit_change import CircuitChanging
from activities.revocation.brakes import BrakeActivities
from activities.revocation.run_brakes import RunBrakeActivities
from activities.runtime.engine import ensure_sweep_schedule
from activities.runtime.engine_health import TemporalHealth
from activities.sweep.sweep import SweepActivities
from activities.sweep.watch import keep_sweeping
from activities.trust.demotion import DemotionActivities
from activities.trust.register import RegisterActivities
from activities.trust.tier_changes import TierChangeActivities
from activities.workers.duties import Activity, Duties
from activities.workers.health import of_trust
from dsl.health.breakers import load_breakers
from dsl.template_folders import TemplateFolders
from integrations.agents.programs.catalogue import Programs
from integrations.beside import beside
from integrations.dragonfly.circuits import Circuits
from integrations.dragonfly.client import connect
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.revocations import Revocations
from integrations.errors import IntegrationError
from integrations.settings import Settings
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.sweeper import Sweeper
from integrations.vault.identity.registry import Registrar
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login

logger = logging.getLogger(__name__)

LOGIN_LOOK_S: Final = 30.0


class TrustDuties(Duties):
    """Makes agents known, changes their trust, sweeps; each act has an identity of its own."""

    def __init__(self, settings: Settings) -> None:
        self._dragonfly = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        self._vault = Vault.of(settings)
        self._logins = {
            name: Login(self._vault, settings.vault_roles, name) for name in naming.OF_TRUST
        }
        registrar = self._logins[specs.QUEUE_TRUST]
        self._registering = RegisterActivities(
            Registrar(self._vault, registrar), settings.initial_tier, Programs(settings.templates)
        )
        self._demoting = DemotionActivities(TierChanges(self._vault, self._logins[naming.PROMOTER]))
        guards, revocations = AgentGuards(self._dragonfly), Revocations(self._dragonfly)
        revoker = self._logins[naming.REVOKER]
        self._changing = TierChangeActivities(
            self._vault,
            registrar=registrar,
            promoter=self._logins[naming.PROMOTER],
            reinstater=self._logins[naming.REINSTATER],
            revoker=revoker,
            guards=guards,
            revocations=revocations,
        )
        self._sweeping = SweepActivities(Sweeper(self._vault, self._logins[naming.SWEEPER]))
        self._brakes = BrakeActivities(self._vault, revoker, guards, revocations)
        self._run_brakes = RunBrakeActivities()
        self._circuits = CircuitChanging(
            Circuits(self._dragonfly),
            load_breakers(settings.breakers),
            TemplateFolders(settings.templates),
        )

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        changing = self._changing
        return (
            self._registering.register,
            changing.inspect,
            changing.promote,
            changing.rebind,
            changing.reinstate,
            changing.lift,
            self._demoting.demote,
            self._sweeping.sweep,
            self._brakes.identity,
            self._brakes.guard,
            self._run_brakes.stop,
            self._run_brakes.confirm,
            self._circuits.change,
        )

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        without = await ensure_sweep_schedule(client)
        if without is not None:
            logger.warning("the server starts no sweeps: %s", without)
        self.monitor = of_trust(self._dragonfly, self._vault, TemporalHealth(client))
        try:
            async with (
                self.monitor.running(),
                beside(_stay_ready(self._logins[naming.REVOKER]), keep_sweeping(client)),
            ):
                yield
        finally:
            await self._dragonfly.aclose()
            for login in self._logins.values():
                await login.aclose()
            self._vault.close()


async def _stay_ready(login: Login) -> None:
    """Keep a login fresh until cancelled (2)."""
    while True:
        with suppress(IntegrationError):  # said by whoever needs it
            await login.client()
        await asyncio.sleep(LOGIN_LOOK_S)
