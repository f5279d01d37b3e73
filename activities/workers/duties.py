"""What a worker of each queue does, and the connections that takes (docs/adr/0030).

1. Connections are opened lazily or here, and closed when the worker has stopped; its login at
   Vault ends with it.
2. A duty checks what it stands on before the first task: wrong settings of a store are a
   refusal to start, never a surprise in a run. A store that is away is no refusal: tasks wait.
3. Nothing is minted, and nothing asked for ahead, in a Vault that has not passed its examination.
   Where it was away at the start, it is examined before the first use.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from temporalio.client import Client

from activities.contracts import messages, specs
from activities.gates.control_groups import ControlGroupActivities, ControlGroupProbe
from activities.gates.output_heads import OutputHeadActivities
from activities.health.circuit_look import CircuitLook
from activities.ledger.holders import Holders
from activities.ledger.record import LedgerActivities
from activities.phases.bootstrap import Bootstrap
from activities.phases.delegation.lease import Delegating
from activities.phases.equipment import HighTier, Tools
from activities.phases.execute import Execute
from activities.phases.exit import Exit
from activities.phases.package import Package
from activities.phases.plan import Plan
from activities.phases.preflight import Preflight
from activities.phases.questions.looking import Looking
from activities.phases.report import Report
from activities.phases.verify import Verify
from activities.plans.compile import Compile
from activities.plans.feasibility import Feasibility
from activities.plans.registration import register_catalogue
from activities.proofs.prove import ProofActivities
from activities.proofs.registered_plans import RegisteredPlans
from activities.proofs.verifier import ProofVerifier
from activities.proofs.warrant import Warrants
from activities.revocation.processes import Processes
from activities.revocation.record import RevocationRecord
from activities.runtime.engine import ensure_search_attributes
from activities.runtime.orphans import unbind_left
from activities.sweep.closing import ClosingActivities
from activities.trust.evidence import Appraiser, EvidenceActivities
from activities.trust.grants import GrantActivities
from activities.trust.rebinding import RebindingActivities
from activities.workers.watched import breakers_of, look_after
from dsl.catalogue import Catalogue
from dsl.promotion import load_criteria
from dsl.template_folders import TemplateFolders
from dsl.values.circuit_names import ARTIFACTS, LEDGER, VAULT
from integrations.agents.programs.catalogue import Programs
from integrations.agents.runner import AgentRunner, ProcessRunner
from integrations.agents.workdir import sweep
from integrations.artifacts.store import Artifacts
from integrations.artifacts.tries import Tries
from integrations.dragonfly.client import connect
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.preflight import preflight
from integrations.dragonfly.watcher import RevocationWatcher
from integrations.errors import UnavailableError
from integrations.ledger.ledger import Ledger
from integrations.settings import Settings
from integrations.vault.checks.fitness import Examined, Fitness
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.signing.head_signer import HeadSigner
from integrations.vault.signing.voters import Voters

logger = logging.getLogger(__name__)

Activity = Callable[..., Any]


class Duties(ABC):
    """What one worker does."""

    @abstractmethod
    def activities(self) -> Sequence[Activity]:
        """Return the activities to register."""

    @abstractmethod
    def on_duty(self, client: Client) -> Any:
        """Return the async context in which the worker polls."""


async def unless_away(name: str, check: Awaitable[object]) -> None:
    """Make a check; a server that does not answer now is said, and no refusal (2)."""
    try:
        await check
    except UnavailableError as error:
        logger.warning("starting without %s: %s", name, error)


def _catalogue(settings: Settings) -> Catalogue:
    return Catalogue(settings.pipelines, TemplateFolders(settings.templates))


class PhaseDuties(Duties):
    """Runs phases, as one of the identities that may mint."""

    def __init__(self, settings: Settings, runner: AgentRunner | None, role: str) -> None:
        """Prepare the connections; ``role`` names the queue whose Vault identity it has."""
        self._dragonfly = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        breakers = breakers_of(settings, self._dragonfly)
        self._vault = Vault(settings.vault_url, watch=breakers.of(VAULT).watching)
        self._login = login = Login(self._vault, settings.vault_roles, role)
        self._fitness = Fitness(self._vault, login)
        self._examined = Examined(login, self._fitness)  # (3) before the first use
        self._watcher = RevocationWatcher(self._dragonfly)
        self._tools = Tools(
            settings=settings,
            guards=AgentGuards(self._dragonfly),
            leases=Leases(self._dragonfly),
            registry=Registry(self._vault, login),
            issuer=TokenRoleIssuer(self._vault, self._examined),
            artifacts=Artifacts(settings.artifacts, breakers.of(ARTIFACTS).watching),
            runner=runner or ProcessRunner(),
            programs=Programs(settings.templates, settings.agent_path),
            watcher=self._watcher,
            breakers=breakers,
        )
        look_after(breakers, self._dragonfly, self._vault, self._tools.artifacts)

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        tools = self._tools
        leaving = Exit(tools)
        return (
            Bootstrap(tools).run,
            Preflight(tools).run,
            Plan(tools).run,
            Execute(tools).run,
            Verify(tools).run,
            Package(tools).run,
            Report(tools).run,
            leaving.exit,
            leaving.revoked,
            Processes(tools.roster).confirm,
            CircuitLook(tools.breakers).run,
        )

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        await asyncio.to_thread(sweep)
        await asyncio.to_thread(Tries(self._tools.settings.artifacts).sweep)
        roster, leases = self._tools.roster, self._tools.leases
        gone = await asyncio.to_thread(roster.sweep)
        try:
            await unless_away("DragonflyDB", preflight(self._dragonfly))
            await unless_away("Vault", self._fitness.require())
            unbinding = asyncio.create_task(unbind_left(roster, leases, gone))
            async with self._watcher.listening(), self._tools.breakers.running():
                yield
            unbinding.cancel()
        finally:
            await self._dragonfly.aclose()
            await self._login.aclose()
            self._vault.close()


class WorkflowDuties(PhaseDuties):
    """Compiles pipelines for the workflows, and runs phases up to T2."""

    def __init__(self, settings: Settings, runner: AgentRunner | None) -> None:
        super().__init__(settings, runner, specs.QUEUE)
        self._compile = Compile(
            _catalogue(settings),
            self._tools.programs,
            messages.Policy(
                inline_tier=settings.inline_tier,
                gate_identity=settings.gate_identity,
                gate_heads=settings.gate_heads,
            ),
            self._tools.artifacts,
        )
        self._feasibility = Feasibility(self._tools)

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        holders = Holders()
        heads = OutputHeadActivities(self._tools.artifacts)
        of_workflows = (
            *(self._compile.run, self._compile.settings),
            *(holders.look, holders.nonce, heads.read),
        )
        delegating, looking = Delegating(self._tools), Looking()
        of_phases = (delegating.begin, delegating.hold, looking.look)
        return (*of_workflows, self._feasibility.run, *of_phases, *super().activities())

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        without = await ensure_search_attributes(client)
        if without is not None:
            logger.warning("runs go without search attributes: %s", without)
        self._compile.policy = self._compile.policy.model_copy(
            update={"search_attributes": without is None, "shows_ends": without is None}
        )
        async with super().on_duty(client):
            yield


class HighTierDuties(PhaseDuties):
    """Runs phases of T3 and T4, which it lets pass itself; see ``activities.proofs.warrant``."""

    def __init__(self, settings: Settings, runner: AgentRunner | None) -> None:
        super().__init__(settings, runner, specs.QUEUE_T3)
        tools, voters = self._tools, Voters(self._vault, self._login)
        plans = RegisteredPlans(
            tools.artifacts,
            ProofVerifier(voters),
            _catalogue(settings) if settings.registers_catalogue else None,
            settings.authors,
        )
        requests = ControlGroupRequests(self._vault, self._examined)
        self._tools = replace(
            tools, high=HighTier(Warrants(plans, voters, tools.artifacts), requests)
        )
        self._probe = ControlGroupProbe(self._vault, self._login)
        self._gates = ControlGroupActivities(plans, requests, tools.registry, self._probe)

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        return (*super().activities(), self._gates.request, self._gates.withdraw)

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        async with super().on_duty(client):
            await self._probe.try_early()
            yield


class LedgerDuties(Duties):
    """Writes the ledger, and proves what is recorded as proven; there is one such worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault = Vault(settings.vault_url)
        self._login = Login(self._vault, settings.vault_roles, specs.QUEUE_LEDGER)
        criteria = load_criteria(settings.promotion)
        self._ledger = Ledger(settings.ledger)
        self._dragonfly = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        self._breakers = breakers_of(settings, self._dragonfly)
        room = partial(asyncio.to_thread, self._ledger.require_room)
        self._breakers.looks(LEDGER, room)
        self._activities = LedgerActivities(self._ledger, self._breakers)
        voters = Voters(self._vault, self._login)
        self._proofs = ProofActivities(self._ledger, voters, settings.authors)
        appraiser = Appraiser(self._ledger, criteria)
        self._evidence = EvidenceActivities(self._ledger, appraiser)
        signer = HeadSigner(self._vault, self._login)
        self._rebindings = RebindingActivities(self._ledger, signer, settings.initial_tier)
        self._grants = GrantActivities(self._ledger, appraiser, voters, signer)
        self._revocations = RevocationRecord(self._ledger, voters)
        self._closing = ClosingActivities(self._ledger)

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        return (
            self._activities.record,
            self._activities.authority,
            self._proofs.prove,
            self._evidence.evidence,
            self._grants.grant,
            self._rebindings.rebind,
            self._revocations.revoke,
            self._closing.close,
        )

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:  # same shape for all
        """See base class."""
        try:
            if self._settings.registers_catalogue:
                await register_catalogue(self._ledger, _catalogue(self._settings))
            async with self._breakers.running():
                yield
        finally:
            self._ledger.close()
            await self._dragonfly.aclose()
            await self._login.aclose()
            self._vault.close()
