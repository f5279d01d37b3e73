"""That sweeps take place, whoever holds their ids. For the trust worker, beside its duties.

The server names each sweep by the moment it begins, which anybody can foresee, and drops one whose
id is taken, without a word. So the worker looks for itself:

1. Only a sweep that has completed counts: on the engine's queue, nobody else brings that about.
2. Where none has for ``NONE_FOR``, one is started under an id that nobody could have known, and
   that is said. A sweep too many does no harm.
3. A schedule that its operator has paused stays paused.
4. Whatever fails here, it is looked at again in ``LOOK_EVERY``.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.contracts.specs import QUEUE
from activities.runtime.engine import ANSWER, SWEEP_EVERY, SWEEP_SCHEDULE, start_sweep
from dsl.rules.run.reserved import SWEEP, SWEEP_ID

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = SWEEP_EVERY
NONE_FOR: Final = 2 * SWEEP_EVERY


async def keep_sweeping(client: Client) -> None:
    """Start a sweep whenever none takes place, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY.total_seconds())
        try:
            started = await sweep_if_none(client)
        except (RPCError, WorkflowAlreadyStartedError) as error:  # (4) looked at again
            logger.warning("whether sweeps take place is not known: %s", error)
            continue
        if started is not None:
            logger.warning(
                "no sweep has completed for %s: %s is started; see what holds the ids of those by "
                "the schedule %r: temporal workflow list --query 'WorkflowId STARTS_WITH \"%s-\"'",
                *(NONE_FOR, started, SWEEP_SCHEDULE, SWEEP_ID),
            )


async def sweep_if_none(client: Client, since: datetime | None = None) -> str | None:
    """Start a sweep if none has completed since (2); return its id, or None.

    Raises:
        RPCError: the server does not answer.
    """
    since = since or datetime.now(UTC) - NONE_FOR
    completed = (
        f'WorkflowType = "{SWEEP}" AND TaskQueue = "{QUEUE}" '
        f'AND ExecutionStatus = "Completed" AND CloseTime >= "{since.isoformat()}"'
    )
    # (1) only a completed one counts
    if (await client.count_workflows(completed, rpc_timeout=ANSWER)).count:
        return None
    return await start_sweep(client)  # (3) but for one that is paused
