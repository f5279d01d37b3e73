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
from typing import Any

from temporalio.client import Client

from activities.contracts import messages, specs
from activities.gates.control_groups import ControlGroupActivities, ControlGroupProbe
from activities.gates.output_heads import OutputHeadActivities
from activities.health.circuit_look import CircuitLook
from activities.ledger.beside import LedgerBeside
from activities.ledger.holders import Holders
from activities.phases.bootstrap import Bootstrap
from activities.phases.delegation.lease import Delegating
from activities.phases.equipment import Equipment, HighTier
from activities.phases.execute import Execute
from activities.phases.exit import Exit
from activities.phases.package import Package
from activities.phases.plan import Plan
from activities.phases.preflight import Preflight
from activities.phases.questions.looking import Looking
from activities.phases.report import Report
from activities.phases.tools.proven_calls import ProvenCalls
from activities.phases.tools.proven_effects import ProvenEffects
from activities.phases.tools.sealing import SEALS
from activities.phases.verify import Verify
from activities.plans.compile import Compile
from activities.plans.feasibility import Feasibility
from activities.plans.fitness import Site
from activities.proofs.registered_plans import RegisteredPlans
from activities.proofs.verifier import ProofVerifier
from activities.proofs.votes import VoteVerifier
from activities.proofs.warrant import Warrants
from activities.revocation.processes import Processes
from activities.runtime.engine import ensure_search_attributes
from activities.runtime.orphans import unbind_left
from activities.tools.looking import ToolLooks
from activities.workers.health import of_phases
from activities.workers.tool_duties import tool_calls
from activities.workers.watched import breakers_of, look_after
from dsl.catalogue import Catalogue
from dsl.notify.site_file import SiteFile
from dsl.template_folders import TemplateFolders
from dsl.tools.folders import ToolFolders
from dsl.values.circuit_names import ARTIFACTS, VAULT
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.programs.catalogue import Programs
from integrations.agents.runner import AgentRunner, ProcessRunner
from integrations.agents.workdir import sweep
from integrations.artifacts.spent import SpentCalls
from integrations.artifacts.store import Artifacts
from integrations.artifacts.tries import Tries
from integrations.beside import beside
from integrations.dragonfly.budgets import Budgets
from integrations.dragonfly.client import connect
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.preflight import preflight
from integrations.dragonfly.watcher import RevocationWatcher
from integrations.errors import UnavailableError
from integrations.health.breakers import Breakers
from integrations.health.monitor import Monitor
from integrations.settings import Settings
from integrations.tools.surroundings import surroundings_of
from integrations.tools.warm import WarmServers
from integrations.under_way import UnderWay
from integrations.vault.checks.fitness import Examined, Fitness
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.ending import CredentialEnds
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.signing.voters import Voters

logger = logging.getLogger(__name__)

Activity = Callable[..., Any]


class Duties(ABC):
    """What one worker does."""

    monitor: Monitor | None = None  # the health of what it stands on; None: not on duty
    circuits: Breakers | None = None

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


def catalogue_of(settings: Settings) -> Catalogue:
    """Return the pipelines that this installation offers."""
    templates = TemplateFolders(settings.templates, settings.usual_templates)
    return Catalogue(settings.pipelines, templates, ToolFolders(settings.tools))


class PhaseDuties(Duties):
    """Runs phases, as one of the identities that may mint."""

    def __init__(self, settings: Settings, runner: AgentRunner | None, role: str) -> None:
        """Prepare the connections; ``role`` names the queue whose Vault identity it has."""
        self._dragonfly = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        self.circuits = breakers = breakers_of(settings, self._dragonfly)
        self._vault = Vault.of(settings, watch=breakers.of(VAULT).watching)
        self._login = login = Login(self._vault, settings.vault_roles, role)
        self._fitness = Fitness(self._vault, login)
        self._examined = Examined(login, self._fitness)  # (3) before the first use
        notes = UnderWay("credentials", f"{settings.vault_url} {role}")
        self._ends = CredentialEnds(self._vault, self._examined, notes)
        self._watcher = RevocationWatcher(self._dragonfly)
        self._reserve = Reserve()
        self._equipment = Equipment(
            settings=settings,
            guards=AgentGuards(self._dragonfly),
            leases=Leases(self._dragonfly),
            budgets=Budgets(self._dragonfly),
            registry=Registry(self._vault, login),
            issuer=TokenRoleIssuer(self._vault, self._examined, self._ends),
            ends=self._ends,
            tools=ToolFolders(settings.tools),
            artifacts=Artifacts(settings.artifacts, breakers.of(ARTIFACTS).watching),
            runner=runner or ProcessRunner(self._reserve),
            programs=Programs(settings.templates, settings.agent_path),
            watcher=self._watcher,
            breakers=breakers,
        )
        self._warm = WarmServers(
            surroundings_of(settings),
            reserve=self._reserve,
            roster=self._equipment.roster,
            watching=self._watcher.watching,
        )
        look_after(breakers, self._dragonfly, self._vault, self._equipment.artifacts)
        # Not watched by a circuit: what went well would be told to all, again and again.
        self._looked_at = Vault.of(settings)
        self.monitor = self._health = of_phases(
            settings, self._dragonfly, self._looked_at, self._equipment.roster, breakers
        )

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        equipment = self._equipment
        leaving = Exit(equipment)
        return (
            Bootstrap(equipment).run,
            Preflight(equipment).run,
            Plan(equipment).run,
            Execute(equipment).run,
            Verify(equipment).run,
            Package(equipment).run,
            Report(equipment).run,
            leaving.exit,
            leaving.revoked,
            Processes(equipment.roster).confirm,
            CircuitLook(equipment.breakers).run,
        )

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        await asyncio.to_thread(sweep)
        artifacts = self._equipment.settings.artifacts
        for kept in (Tries(artifacts), SpentCalls(artifacts, SEALS)):  # by whoever runs EXECUTE
            await asyncio.to_thread(kept.sweep)
        roster, leases = self._equipment.roster, self._equipment.leases
        gone = await asyncio.to_thread(roster.sweep)
        try:
            await unless_away("DragonflyDB", preflight(self._dragonfly))
            await unless_away("Vault", self._fitness.require())
            async with (
                self._watcher.listening(),
                self._equipment.breakers.running(),
                self._health.running(),
                beside(unbind_left(roster, leases, gone), self._ends.end_left()),
            ):
                yield
        finally:
            await self._warm.close()
            await self._ends.aclose()
            await self._reserve.close()
            await self._dragonfly.aclose()
            await self._login.aclose()
            self._vault.close()
            self._looked_at.close()


class WorkflowDuties(PhaseDuties):
    """Compiles pipelines for the workflows, and runs phases up to T2."""

    def __init__(self, settings: Settings, runner: AgentRunner | None) -> None:
        super().__init__(settings, runner, specs.QUEUE)
        self._compile = Compile(
            catalogue_of(settings),
            Site(self._equipment.programs, self._equipment.tools, SiteFile(settings.notify)),
            messages.Policy(
                inline_tier=settings.inline_tier,
                gate_identity=settings.gate_identity,
                gate_heads=settings.gate_heads,
            ),
            self._equipment.artifacts,
        )
        self._feasibility = Feasibility(self._equipment)
        self.beside = LedgerBeside()
        self._calls = tool_calls(self._equipment, self._warm, beside=self.beside)

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        holders = Holders()
        heads = OutputHeadActivities(self._equipment.artifacts)
        of_workflows = (
            *(self._compile.run, self._compile.settings),
            *(holders.look, holders.nonce, heads.read),
        )
        delegating, looking = Delegating(self._equipment), Looking()
        looks, calls = ToolLooks(), self._calls
        of_phases = (delegating.begin, delegating.hold, looking.look)
        of_tools = (looks.chain, looks.waiting, looks.decisions, calls.call)
        ours = (*of_workflows, self._feasibility.run, *of_phases, *of_tools)
        return (*ours, *self.beside.activities(), *super().activities())

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        without = await ensure_search_attributes(client)
        if without is not None:
            logger.warning("runs go without search attributes: %s", without)
        shown, beside = without is None, self.beside.is_introduced
        known = {"search_attributes": shown, "shows_ends": shown, "ledger_beside": beside}
        self._compile.policy = self._compile.policy.model_copy(update=known)
        async with super().on_duty(client):
            yield


class HighTierDuties(PhaseDuties):
    """Runs phases of T3 and T4, which it lets pass itself; see ``activities.proofs.warrant``."""

    def __init__(self, settings: Settings, runner: AgentRunner | None) -> None:
        super().__init__(settings, runner, specs.QUEUE_T3)
        equipment, voters = self._equipment, Voters(self._vault, self._login)
        plans = RegisteredPlans(
            equipment.artifacts,
            ProofVerifier(voters),
            catalogue_of(settings) if settings.registers_catalogue else None,
            settings.authors,
        )
        requests = ControlGroupRequests(self._vault, self._examined)
        self._equipment = replace(
            equipment, high=HighTier(Warrants(plans, voters, equipment.artifacts), requests)
        )
        self._spent = SpentCalls(settings.artifacts)
        effects = ProvenEffects(SpentCalls(settings.artifacts, "effects"))
        votes = VoteVerifier(ProofVerifier(voters))
        proven = ProvenCalls(self._equipment, votes, self._spent, effects)
        self._calls = tool_calls(self._equipment, self._warm, proven)
        self._probe = ControlGroupProbe(self._vault, self._login)
        self._gates = ControlGroupActivities(plans, requests, equipment.registry, self._probe)

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        of_gates = (self._gates.request, self._gates.withdraw)
        return (*super().activities(), *of_gates, self._calls.call)

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:
        """See base class."""
        await asyncio.to_thread(self._spent.sweep)
        async with super().on_duty(client):
            await self._probe.try_early()
            yield
