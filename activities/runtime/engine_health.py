"""Temporal's health as far as ours hangs on it; the ``Engine`` of ``integrations.health.probes``.

1. Every question ends within ``ANSWER_S``, and is asked once: whoever looks looks again.
2. A server that does not know a question says nothing of health by that: it is left out.
3. A worker whose hands are full does not poll. That nobody does is no finding before something
   waits, or the server itself has forgotten who did.
4. Who tells people of runs is one more, where somebody is to be told: its queue is looked at where
   it is served, or something waits in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.notify.specs import QUEUE_NOTIFY
from activities.contracts.specs import QUEUE, QUEUE_LEDGER, QUEUE_T3, QUEUE_TRUST
from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.rules.run.reserved import SWEEP
from integrations.errors import UnavailableError
from integrations.health.probes.engine import QueueReading, SweepReading

ANSWER_S: Final = 1.0
QUEUES: Final = (QUEUE, QUEUE_T3, QUEUE_TRUST, QUEUE_LEDGER)
_WORKFLOWS_TOO: Final = (QUEUE, QUEUE_NOTIFY)
_SERVED_S: Final = 75.0  # a poll lasts a minute; the server remembers it for five
_NOT_ASKED: Final = (
    *NO_SUCH_RUN,
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.PERMISSION_DENIED,
)
_WEDGED: Final = (
    'TemporalReportedProblems IN ("category=WorkflowTaskFailed", "category=WorkflowTaskTimedOut") '
    'AND ExecutionStatus = "Running"'
)
_SWEPT: Final = (
    f'WorkflowType = "{SWEEP}" AND TaskQueue = "{QUEUE}" AND ExecutionStatus = "Completed"'
)


class TemporalHealth:
    """Asks one namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._swept: tuple[str, dict[str, Any]] | None = None  # what was read of the last one

    async def require_alive(self) -> None:
        """See ``Engine``."""
        async with _answered():
            await self._client.workflow_service.get_system_info(
                GetSystemInfoRequest(), timeout=_ANSWER
            )

    async def wedged(self, most: int) -> tuple[int, Sequence[str]] | None:
        """See ``Engine``."""
        try:
            async with _answered():
                count = (await self._client.count_workflows(_WEDGED, rpc_timeout=_ANSWER)).count
                if not count:
                    return 0, ()
                found = await self._client.workflow_service.list_workflow_executions(
                    ListWorkflowExecutionsRequest(
                        namespace=self._client.namespace, query=_WEDGED, page_size=most
                    ),
                    timeout=_ANSWER,
                )
        except _NotToldError:
            return None
        return count, [each.execution.workflow_id for each in found.executions]

    async def queues(self) -> Sequence[QueueReading]:
        """See ``Engine``."""
        async with _answered():
            *always, notify = await asyncio.gather(*map(self._queue, (*QUEUES, QUEUE_NOTIFY)))
        is_wanted = notify.pollers or notify.waits_s  # (4) one more
        return [*always, notify] if is_wanted else always

    async def last_sweep(self) -> SweepReading | None:
        """See ``Engine``."""
        async with _answered():
            found = await self._client.workflow_service.list_workflow_executions(
                ListWorkflowExecutionsRequest(
                    namespace=self._client.namespace, query=_SWEPT, page_size=1
                ),
                timeout=_ANSWER,
            )
            if not found.executions:
                return None
            last = found.executions[0]
            said = await self._said(last.execution.workflow_id, last.execution.run_id)
        return SweepReading(
            age_s=max(0.0, time.time() - last.close_time.ToMilliseconds() / 1000),
            tokens=_number(said.get("tokens")),
            ended=len(said.get("revoked") or ()),
            stuck=_number(said.get("stuck")),
        )

    async def over_for_ms(self, workflow: str, run: str) -> int | None:
        """See ``Engine``."""
        try:
            async with _answered():
                found = await described(self._client, workflow, run)
        except _NotToldError:
            return None
        if not found.HasField("close_time"):
            return None
        return max(0, int(time.time() * 1000) - found.close_time.ToMilliseconds())

    async def _queue(self, name: str) -> QueueReading:
        pollers, waits_s = 0, 0.0
        kinds = [TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]
        if name in _WORKFLOWS_TOO:
            kinds.append(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
        for kind in kinds:
            found = await self._client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self._client.namespace,
                    task_queue=TaskQueue(name=name),
                    task_queue_type=kind,
                    report_stats=True,
                ),
                timeout=_ANSWER,
            )
            since = time.time() - _SERVED_S
            waits = found.stats.approximate_backlog_count > 0
            # (3) no finding before something waits
            seen = [
                not waits or each.last_access_time.ToSeconds() >= since for each in found.pollers
            ]
            pollers = max(pollers, sum(seen))
            age = found.stats.approximate_backlog_age.ToMilliseconds() / 1000
            waits_s = max(waits_s, age if waits else 0.0)
        return QueueReading(name, pollers, waits_s)

    async def _said(self, workflow: str, run: str) -> dict[str, Any]:
        if self._swept is None or self._swept[0] != run:
            handle = self._client.get_workflow_handle(workflow, run_id=run)
            said = await handle.result(rpc_timeout=_ANSWER)
            self._swept = run, said if isinstance(said, dict) else {}
        return self._swept[1]


_ANSWER: Final = timedelta(seconds=ANSWER_S)


class _NotToldError(UnavailableError):
    """The server does not know the question (2)."""


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_S):  # (1) whoever looks looks again
            yield
    except TimeoutError:
        raise UnavailableError("no answer from temporal in time") from None
    except RuntimeError:  # it could not be connected to
        raise UnavailableError("no answer from temporal") from None
    except RPCError as error:
        if error.status in _NOT_ASKED:  # (2) left out
            raise _NotToldError(f"temporal does not tell ({error.message})") from None
        raise UnavailableError(f"no service from temporal ({error.message})") from None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
