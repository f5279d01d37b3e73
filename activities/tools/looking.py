"""``tool.chain``, ``tool.waiting``, ``tool.decisions``: what is said where nobody else can say it.

1. Who calls for a stage: what its activity tells the server with its signs of life.
2. Which calls of a stage wait: what its workflow answers. What was decided on them: what the run
   answers that has started it, by the server's word for which that is.
3. Whatever cannot be read is asked again: another workflow may bear the name of ours.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import tool_specs
from activities.contracts.question_specs import AsksRequest
from activities.runtime.boundary import governed
from activities.runtime.engine import ANSWER, parent_of
from activities.runtime.signs_of_life import chain_in, details_of
from dsl.core import Value
from integrations.errors import DeniedError, UnavailableError

T = TypeVar("T", bound=Value)


class ToolLooks:
    """Looks as a client of Temporal; runs beside the workflows."""

    @activity.defn(name=tool_specs.chain.name)
    @governed
    async def chain(self, _request: AsksRequest) -> tool_specs.ChainFound:
        """Return the head of the chain of the activity that is under way (1)."""
        info = activity.info()
        own = (info.workflow_id or "", info.workflow_run_id or "")
        for details in await details_of(activity.client(), *own):
            head = chain_in(details)
            if head is not None:
                return tool_specs.ChainFound(chain=head)
        return tool_specs.ChainFound()

    @activity.defn(name=tool_specs.waiting.name)
    @governed
    async def waiting(self, request: AsksRequest) -> tool_specs.Waiting:
        """Return which calls of a stage wait (2)."""
        where = (request.workflow, request.run)
        return await _answer(where, tool_specs.CALLS, (), tool_specs.Waiting)

    @activity.defn(name=tool_specs.decisions.name)
    @governed
    async def decisions(self, request: tool_specs.DecisionsRequest) -> tool_specs.Decisions:
        """Return what was decided on calls of the stage that asks (2)."""
        info = activity.info()
        parent = await parent_of(
            activity.client(), info.workflow_id or "", info.workflow_run_id or ""
        )
        if parent is None:
            raise DeniedError("a stage that calls tools belongs to a run, and this one has none")
        where = (parent.workflow_id, parent.run_id)
        return await _answer(where, tool_specs.DECISIONS, (request,), tool_specs.Decisions)


async def _answer(where: tuple[str, str], query: str, args: tuple[Value, ...], kind: type[T]) -> T:
    workflow_id, run_id = where
    handle = activity.client().get_workflow_handle(workflow_id, run_id=run_id or None)
    try:
        found: Any = await handle.query(query, args=args, rpc_timeout=ANSWER)
        return kind.model_validate(found)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return kind()
        raise UnavailableError(f"{workflow_id!r} does not answer ({error})") from None
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, ValidationError) as error:
        # (3) asked again
        raise UnavailableError(f"{workflow_id!r} does not say ({error})") from None
