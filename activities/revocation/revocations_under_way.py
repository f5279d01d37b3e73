"""Which revocation of an agent is under way, or began since a moment, in the server's words.

1. Its id may be the agent's, or one beside it (``dsl.rules.run.reserved``). What else runs under
   such an id is no revocation. One of the right type counts on whatever queue: a brake asks who
   has started a revocation, not who works on it.
2. The run under the agent's own id is described, which is exact. Others are listed, and a list
   lags: each is described before it is believed, and one that began a moment ago may be missing.
   Whoever has to be sure has another source beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.runtime.engine import ANSWER, described
from dsl.rules.run.reserved import REVOCATION, revocation_id
from integrations.errors import UnavailableError

LISTED_MAX: Final = 20  # one that is found is enough
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """One revocation."""

    workflow: str
    is_under_way: bool


async def revocation_since(client: Client, agent: str, epoch: int) -> Found | None:
    """Return a revocation of ``agent``, a valid id, that is under way or began after ``epoch``.

    ``epoch`` is in milliseconds since 1970, by the server's clock. None: there is none (1).

    Raises:
        UnavailableError: the server does not answer.
    """
    name = revocation_id(agent)
    try:
        runs = [(name, ""), *await _listed(client, name, epoch)]
        for workflow_id, run_id in runs:
            found = await _described(client, workflow_id, run_id)
            if found is None or found.type.name != REVOCATION:
                continue
            is_under_way = not found.HasField("close_time")
            if is_under_way or found.start_time.ToMilliseconds() > epoch:
                return Found(workflow_id, is_under_way)
    except RPCError as error:
        raise UnavailableError(f"temporal does not say who is revoked ({error})") from None
    return None


async def _described(client: Client, workflow_id: str, run_id: str) -> WorkflowExecutionInfo | None:
    try:
        return await described(client, workflow_id, run_id)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _listed(client: Client, name: str, epoch: int) -> list[tuple[str, str]]:
    """Return workflow and run of what seems to be under way, or to have begun later (2)."""
    later = _EPOCH + timedelta(milliseconds=epoch + 1)
    answer = await client.workflow_service.list_workflow_executions(
        ListWorkflowExecutionsRequest(
            namespace=client.namespace,
            page_size=LISTED_MAX,
            query=(
                f'WorkflowType = "{REVOCATION}" '
                f'AND (WorkflowId = "{name}" OR WorkflowId STARTS_WITH "{name}/") '
                f'AND (CloseTime IS NULL OR StartTime >= "{later.isoformat()}")'
            ),
        ),
        retry=True,
        timeout=ANSWER,
    )
    runs = [row.execution for row in answer.executions]
    return [(each.workflow_id, each.run_id) for each in runs]
