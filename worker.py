"""Composition root: the only module that knows every other one.

``plugin()`` is one object for clients, workers and replayers, so that production and replay
cannot drift. ``python worker.py`` runs the queues of ``MANDATE_QUEUES`` against the servers
of the environment, prints ``worker ready: <queues>``, and stops gracefully on SIGTERM.

1. What a worker may do follows from its queue: a phase worker cannot register agents, only
   the ledger worker opens the ledger for writing, only the one of ``mandate-t3`` acts at T3 and
   T4, and it runs no workflow.
2. Connections are opened when a worker is configured, never for replay.
3. Nothing polls before its preflight has passed, and nothing is said to be ready. A preflight
   that fails ends the process with one sentence.
4. A wrapped role is taken before anything else, good for minutes; one already taken is a refusal.
5. What a worker had under way that died is failed by the one that is started after it.
6. Health is served where a port is named for it, beside the work and until its end.
7. Short activations run where they arrive; see ``activities.runtime.activations``.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client
from temporalio.plugin import SimplePlugin
from temporalio.worker import ReplayerConfig, Worker, WorkerConfig

from activities.contracts.notify.specs import QUEUE_NOTIFY
from activities.contracts.specs import QUEUE_LEDGER, QUEUE_T3, QUEUE_TRUST
from activities.runtime import failure_log
from activities.runtime.activations import Activations
from activities.runtime.asking import AskingAgain
from activities.runtime.client import connect as dial
from activities.runtime.converter import with_ours
from activities.runtime.orphans import OrphanInterceptor
from activities.workers.beside import introduce
from activities.workers.duties import Duties, HighTierDuties, WorkflowDuties
from activities.workers.ledger_duties import LedgerDuties
from activities.workers.notify_duties import NotifyDuties
from activities.workers.process_health import ProcessHealth
from activities.workers.trust_duties import TrustDuties
from activities.workers.tuning import ACTIVITIES_MAX, tune, versioning
from dsl.errors import DslError
from dsl.promotion import load_criteria
from integrations.agents.runner import AgentRunner
from integrations.errors import IntegrationError, UnavailableError
from integrations.settings import Settings, SettingsError, read_settings
from integrations.vault.client import Vault
from integrations.vault.login import unwrapping
from integrations.vault.login.roles import require_roles
from integrations.vault.naming import identities_of
from mandate import logs
from mandate._entry import EXIT_FAILED, EXIT_USAGE, run_main
from mandate.terminal import complain
from mandate.unanswered import why_of
from workflows.agent import Agent
from workflows.attestation import Attestation
from workflows.circuit import CircuitOrdered
from workflows.ledger_anchor import LedgerAnchor
from workflows.messages.interceptors import MessageGuard
from workflows.notification import Notification
from workflows.pipeline import Pipeline
from workflows.promotion import Promotion
from workflows.rebinding import Rebinding
from workflows.reconcile import Reconcile
from workflows.registration import Registration
from workflows.reinstatement import Reinstatement
from workflows.review_again import ReviewAgain
from workflows.review_outcome import ReviewOutcome
from workflows.revocation import Revocation
from workflows.sweep import Sweep

WORKFLOWS: Final = (
    *(Pipeline, Agent, Registration, CircuitOrdered, Notification, ReviewOutcome, ReviewAgain),
    *(Promotion, Rebinding, Reinstatement, Revocation, Sweep, LedgerAnchor, Attestation, Reconcile),
)
GRACE: Final = timedelta(seconds=10)
CACHED_RUNS_MAX: Final = 1_000
WORKFLOW_TASKS_MAX: Final = 8  # each within its timeout, on a busy machine too: docs/adr/0027


class GovernancePlugin(SimplePlugin):
    """Gives each worker the duties of its queue (1)."""

    def __init__(self, settings: Settings | None, runner: AgentRunner | None) -> None:
        super().__init__(
            "mandate.Governance",
            data_converter=with_ours,
            interceptors=[MessageGuard(), AskingAgain()],
        )
        self._settings = settings
        self._agent_runner = runner
        self._duties: dict[str, Duties] = {}  # by queue: a process serves each queue once
        self._orphans: dict[str, OrphanInterceptor] = {}
        self._on_duty: dict[str, asyncio.Event] = {}
        self._activations = Activations(WORKFLOW_TASKS_MAX)

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class; a worker of another queue than ours gets no duties.

        Raises:
            SettingsError: the environment cannot be read, or this is not the first such plugin.
            DeniedError: the queue's workers have no login at Vault.
        """
        if any(isinstance(each, MessageGuard) for each in config.get("interceptors") or ()):
            raise SettingsError("mandate.plugin() was given twice: give it to the client, once")
        config = super().configure_worker(config)
        queue = config["task_queue"]
        if queue not in ACTIVITIES_MAX:
            return config
        failure_log.install()
        duties = self._duties_of(queue)
        config["activities"] = [*(config.get("activities") or ()), *duties.activities()]
        if isinstance(duties, WorkflowDuties):
            config["workflows"] = [*(config.get("workflows") or ()), *WORKFLOWS]
            config["workflow_task_executor"] = self._activations  # (7) where they arrive
        if isinstance(duties, NotifyDuties):
            config["workflows"] = [*(config.get("workflows") or ()), Notification]
        self._orphans[queue] = OrphanInterceptor(config["client"], queue)
        config["interceptors"] = [*(config.get("interceptors") or ()), self._orphans[queue]]
        self._duties[queue] = duties
        introduce(self._duties)
        self._on_duty[queue] = asyncio.Event()
        tune(config)
        return config

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """See base class; a replayer has no duties (2)."""
        config = super().configure_replayer(config)
        config["workflows"] = [*(config.get("workflows") or ()), *WORKFLOWS]
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:  # noqa: A002  # the SDK's name
        """See base class; opens, checks (3) and closes what the worker's duties need."""
        if worker.task_queue not in self._duties:
            return await next(worker)
        duties, orphans = self._duties[worker.task_queue], self._orphans[worker.task_queue]
        on_duty = self._on_duty[worker.task_queue]
        try:
            # (5) fails what a dead worker had
            async with duties.on_duty(worker.client), orphans.succeeding(worker.client):
                on_duty.set()
                await next(worker)
        finally:
            if isinstance(duties, WorkflowDuties):
                self._activations.shutdown(wait=False)
            if not on_duty.is_set():
                # Nothing was started, and `async with Worker` would wait for its end for ever.
                worker._shutdown_complete_event.set()  # noqa: SLF001

    async def until_on_duty(self) -> None:
        """Wait until every worker has passed its preflight."""
        for event in self._on_duty.values():
            await event.wait()

    def duties(self) -> list[tuple[Duties, bool]]:
        """Return the duties of every worker, and whether it has passed its preflight."""
        return [(each, self._on_duty[queue].is_set()) for queue, each in self._duties.items()]

    def _duties_of(self, queue: str) -> Duties:
        settings = self._settings or read_settings(os.environ)
        require_roles(settings.vault_roles, identities_of(queue))
        if queue == QUEUE_LEDGER:
            return LedgerDuties(settings)
        if queue == QUEUE_TRUST:
            return TrustDuties(settings)
        if queue == QUEUE_NOTIFY:
            return NotifyDuties(settings)
        if queue == QUEUE_T3:
            return HighTierDuties(settings, self._agent_runner)
        return WorkflowDuties(settings, self._agent_runner)


def plugin(
    settings: Settings | None = None, *, runner: AgentRunner | None = None
) -> GovernancePlugin:
    """Return everything a client, a worker or a replayer needs.

    Args:
        settings: default: the environment, read when a worker is configured.
        runner: how agents are run; default: as sandboxed processes.
    """
    return GovernancePlugin(settings, runner)


def build_workers(client: Client, settings: Settings) -> list[Worker]:
    """Return one worker per queue of ``settings``; the client carries the plugin."""
    return [
        Worker(
            client,
            task_queue=queue,
            max_cached_workflows=CACHED_RUNS_MAX,
            max_concurrent_workflow_tasks=WORKFLOW_TASKS_MAX,
            max_concurrent_activities=ACTIVITIES_MAX[queue],
            graceful_shutdown_timeout=GRACE,
            **versioning(settings),
        )
        for queue in settings.queues
    ]


async def serve() -> int:
    """Run until SIGTERM or SIGINT, or until a worker may not go on; return the exit code."""
    try:
        settings = read_settings(os.environ)
        if QUEUE_LEDGER in settings.queues:
            load_criteria(settings.promotion)
        await _serve(settings)
    except (SettingsError, DslError) as error:
        return _refused(error, EXIT_USAGE)
    except IntegrationError as error:
        return _refused(error, EXIT_FAILED)
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ours = plugin(settings)
    await take_roles(settings)  # (4) good for minutes
    health = ProcessHealth(settings, ours.duties)
    try:
        client = await dial(settings, ours, health.runtime())
    except RuntimeError as error:
        raise UnavailableError(
            f"no answer from Temporal at {settings.temporal} ({why_of(error)}): start it, or name "
            "another in TEMPORAL_ADDRESS"
        ) from None
    async with health.served():  # (6) until its end
        await _run(build_workers(client, settings), _told(ours, settings, stop))


def _refused(why: Exception, code: int) -> int:
    complain(why, "mandate worker")
    return code


async def _told(ours: GovernancePlugin, settings: Settings, stop: asyncio.Event) -> None:
    """Say that all are at work, then wait until they are told to stop."""
    await ours.until_on_duty()
    gc.freeze()  # what is loaded stays: a collection that walks it stops every workflow task
    print(f"worker ready: {','.join(settings.queues)}", flush=True)  # noqa: T201
    await stop.wait()


async def _run(workers: Sequence[Worker], told: Coroutine[Any, Any, None]) -> None:
    """Run the workers until ``told`` ends or one of them does, and then end all of them.

    Not by ``async with``: that waits for ever for one that refused before it polled.

    Raises:
        Exception: what the first one ended with.
    """
    running = [asyncio.create_task(worker.run()) for worker in workers]
    waiting = asyncio.create_task(told)
    try:
        await asyncio.wait((*running, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiting, *running):
            task.cancel()  # a worker takes it as the end of polling, and lets its tasks end
        ended = await asyncio.gather(waiting, *running, return_exceptions=True)
    for failure in ended:
        if isinstance(failure, Exception):
            raise failure


async def take_roles(settings: Settings) -> None:
    """Unwrap what was handed over wrapped, for every identity of our queues (4).

    Raises:
        DeniedError: somebody was there before, or it has ended.
        UnavailableError: Vault does not answer.
    """
    vault = Vault.of(settings)
    try:
        for queue in settings.queues:
            await unwrapping.take_roles(vault, settings.vault_roles, queue)
    finally:
        vault.close()


async def connect(settings: Settings, *, runner: AgentRunner | None = None) -> Client:
    """Connect to Temporal as the environment says, with the plugin."""
    return await dial(settings, plugin(settings, runner=runner))


def main() -> None:
    """Run the worker process."""
    logs.set_up()
    run_main(serve())


if __name__ == "__main__":
    main()
