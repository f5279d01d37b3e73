"""Which runs of an agent are under way, in the server's words.

1. Runs say whose they are by a search attribute, where those are registered. A run without it is
   asked itself, ``RUNS_ASKED_MAX`` of them at most; one that does not answer may be the agent's,
   so nothing is known then.
2. What is listed lags behind: each run is looked at before it is believed to be under way, and a
   run that was started a moment ago may be missing. Whoever confirms lists again.
3. Only runs of the engine's own queue are its runs. Others do as they like, whatever their name.
4. A run that is paused is under way: it has not ended, and goes on when somebody lets it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import SearchAttributeKey
from temporalio.converter import decode_typed_search_attributes
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import specs
from activities.runtime.engine import described, has_search_attributes
from dsl.core import Tier
from integrations.errors import UnavailableError

RUNS_ASKED_MAX: Final = 1_000
AT_ONCE: Final = 20
ANSWER: Final = timedelta(seconds=5)
_AGENT: Final = SearchAttributeKey.for_keyword("MandateAgent")
_TIER: Final = SearchAttributeKey.for_keyword("MandateTier")
_HIGH: Final = (Tier.T3.name, Tier.T4.name)


@dataclass(frozen=True, slots=True)
class AgentRun:
    """One run of an agent stage; ``high``: it acts at T3 or T4."""

    workflow: str
    run: str
    high: bool = False

    def of(self, client: Client) -> WorkflowHandle[Any, Any]:
        """Return the handle of exactly this run."""
        return client.get_workflow_handle(self.workflow, run_id=self.run)


async def under_way(client: Client, agent: str) -> list[AgentRun]:
    """Return the runs of ``agent``, a valid id, that are under way.

    Raises:
        UnavailableError: the server does not answer, or a run does not say whose it is (1).
    """
    # (4) paused is under way
    query = f'WorkflowType="{specs.AGENT_WORKFLOW}" AND CloseTime IS NULL'
    try:
        if await has_search_attributes(client):
            query += f' AND (MandateAgent="{agent}" OR MandateAgent IS NULL)'
        listed = await _listed(client, query)
    except RPCError as error:
        raise UnavailableError(f"temporal does not list runs ({error})") from None
    # (3) the engine's own queue only
    ours = [row for row in listed if row.task_queue == specs.QUEUE]
    named = [row for row in ours if _told(row, _AGENT) == agent]
    nameless = [row for row in ours if _told(row, _AGENT) is None]
    if len(nameless) > RUNS_ASKED_MAX:
        raise UnavailableError(
            f"{len(nameless)} runs do not name their agent, and {RUNS_ASKED_MAX} can be asked: "
            "register the search attributes"
        )
    limit = asyncio.Semaphore(AT_ONCE)

    async def limited(row: WorkflowExecutionInfo) -> AgentRun | None:
        async with limit:
            return await _asked(client, row, agent)

    found = [_run(row, high=_told(row, _TIER) in _HIGH) for row in named]
    found += [run for run in await asyncio.gather(*map(limited, nameless)) if run is not None]
    are_running = await asyncio.gather(*(is_under_way(client, run) for run in found))
    return [run for run, is_running in zip(found, are_running, strict=True) if is_running]


async def is_under_way(client: Client, run: AgentRun) -> bool:
    """Tell whether the run has not ended (2).

    Raises:
        UnavailableError: the server does not answer.
    """
    try:
        found = await described(client, run.workflow, run.run)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise UnavailableError(f"temporal does not describe {run.workflow!r} ({error})") from None
    return not found.HasField("close_time")  # (4) paused is under way


async def _listed(client: Client, query: str) -> list[WorkflowExecutionInfo]:
    """List as the SDK does, which fails over the status of a run that is paused (4)."""
    request = ListWorkflowExecutionsRequest(namespace=client.namespace, query=query)
    listed: list[WorkflowExecutionInfo] = []
    while True:
        answer = await client.workflow_service.list_workflow_executions(request, retry=True)
        listed += answer.executions
        if not answer.next_page_token:
            return listed
        request.next_page_token = answer.next_page_token


def _told(row: WorkflowExecutionInfo, key: SearchAttributeKey[str]) -> str | None:
    return decode_typed_search_attributes(row.search_attributes).get(key)


def _run(row: WorkflowExecutionInfo, *, high: bool) -> AgentRun:
    return AgentRun(row.execution.workflow_id, row.execution.run_id, high)


async def _asked(client: Client, row: WorkflowExecutionInfo, agent: str) -> AgentRun | None:
    """Return the run if it says that it is the agent's (1)."""
    run = _run(row, high=False)
    try:
        status = await run.of(client).query("status", rpc_timeout=ANSWER)
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, RPCError, ValueError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
            return None
        if not await is_under_way(client, run):
            return None
        raise UnavailableError(f"run {run.workflow!r} does not say whose it is ({error})") from None
    if not isinstance(status, dict) or status.get("agent") != agent:
        return None
    return _run(row, high=status.get("tier") in _HIGH)
