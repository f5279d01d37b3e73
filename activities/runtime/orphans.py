"""What a worker left behind that died at work: failed at once, so that it is tried again at once.

1. Every attempt of a regular activity is noted while it is under way, in ``UnderWay``. A local one
   is its workflow task's.
2. A worker that starts fails those of its dead predecessors, as a passing failure: Temporal's retry
   policy goes on from there. What Temporal has given up on meanwhile is none of its business.
3. An agent's lease stays bound to its program until somebody can say that no process of it is
   left: here that is known by the roster. Until then the next attempt waits for the lease's end.
4. It is a shortcut. Without it, a heartbeat that fails to come says the same, later.
5. What Vault has minted for such an attempt, but the worker did not live to hear of or to note, is
   known to nobody but Vault. So a sweep is started once the attempts have failed, which ends what
   was minted for attempts that are over; without it, the next one by the schedule does. Where
   sweeps are paused none is started: that is their operator's word.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.contracts.meant import MeantError
from activities.runtime.engine import start_sweep
from dsl.rules.reconciliation.forged import WORKER_DIED
from integrations.agents.processes.roster import Roster, Running
from integrations.dragonfly.leases import Leases
from integrations.errors import IntegrationError
from integrations.under_way import UnderWay

ENDING_S: Final = 5.0  # longer than a keeper gives an agent to end
LOOK_EVERY_S: Final = 0.1

logger = logging.getLogger(__name__)


class OrphanInterceptor(Interceptor):
    """Notes what a worker has under way (1)."""

    def __init__(self, client: Client, queue: str) -> None:
        server = client.service_client.config.target_host
        self._attempts = UnderWay("attempts", f"{server} {client.namespace} {queue}")

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  # the SDK's name
        """See base class."""
        return _Noted(next, self._attempts)

    @asynccontextmanager
    async def succeeding(self, client: Client) -> AsyncIterator[None]:
        """Fail what dead workers had under way (2), and leave nothing behind at the end."""
        failing = asyncio.create_task(_fail_left(client, self._attempts))
        try:
            yield
        finally:
            failing.cancel()
            self._attempts.close()


class _Noted(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, attempts: UnderWay) -> None:  # noqa: A002  # the SDK's name
        super().__init__(next)
        self._attempts = attempts

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  # the SDK's name
        info = activity.info()
        if info.is_local:
            return await super().execute_activity(input)
        number = self._attempts.begin(info.task_token)
        try:
            return await super().execute_activity(input)
        finally:
            self._attempts.end(number)


async def _fail_left(client: Client, attempts: UnderWay) -> None:
    left = await asyncio.to_thread(attempts.take_left)
    for number, token in left.items():
        died = MeantError("its worker died", type=WORKER_DIED, non_retryable=False)
        try:
            await client.get_async_activity_handle(task_token=token).fail(died)
        except (RPCError, AsyncActivityCancelledError) as error:
            logger.info("an attempt of a dead worker is not failed here: %s", error)
        attempts.end(number)
    if left:
        await _have_swept(client)


async def _have_swept(client: Client) -> None:
    """Have ended what those attempts were given (5)."""
    try:
        name = await start_sweep(client)
        see = f"see {name}" if name else "sweeps are paused, the first after that ends it"
        logger.info("what was given to attempts of a dead worker: %s", see)
    except (RPCError, WorkflowAlreadyStartedError) as error:
        logger.info("the next sweep ends what was given to attempts of a dead worker: %s", error)


async def unbind_left(roster: Roster, leases: Leases, gone: Sequence[Running]) -> None:
    """Unbind the leases of agents that died with their worker, or are about to (3)."""
    until = time.monotonic() + ENDING_S
    while True:
        for each in gone:
            try:
                if each.holder:
                    await leases.unbind_of(each.holder, each.fence)
            except IntegrationError as error:
                logger.info("the lease of %r runs out by itself: %s", each.holder, error)
        if time.monotonic() > until or not await asyncio.to_thread(roster.orphans):
            return
        await asyncio.sleep(LOOK_EVERY_S)
        gone = await asyncio.to_thread(roster.sweep)
