"""What a run answers when it is asked of its gates and of its plan.

1. It need not be one of ours: what is no answer of a pipeline is said in one sentence, and so is
   that none came in time.
2. A gate that the run has and that does not wait is another matter than one that it does not have:
   only the latter was named wrongly.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError

from dsl.plan import Plan
from mandate.people.errors import NotThereError, RefusalError
from mandate.people.gates.rows import GateRow, find, has_gate, read_rows

ANSWER: Final = timedelta(seconds=10)


async def pending(
    handle: WorkflowHandle[Any, Any], within: timedelta = ANSWER
) -> tuple[GateRow, ...]:
    """Return the pending gates of a run.

    Raises:
        RefusalError: it does not say.
    """
    return read_rows(await ask(handle, "gates", within=within))


async def row_of(handle: WorkflowHandle[Any, Any], gate: str) -> GateRow:
    """Return the pending gate of that name, in full: where many are open, the list has less of it.

    Raises:
        NotThereError: the run has none of that name (2).
        RefusalError: it does not wait, not yet or not any more.
    """
    rows = read_rows(await ask(handle, "gates", gate)) or await pending(handle)
    try:
        return find(rows, gate)
    except NotThereError as error:
        if not await _has(handle, gate):
            raise
        raise RefusalError("{}", error.sentence) from None


async def refuse_no_gate(handle: WorkflowHandle[Any, Any], gate: str) -> None:
    """Refuse a gate that a run which is over never had (2); one that does not say, may have.

    Raises:
        NotThereError: it had none of that name.
    """
    if await _has(handle, gate, unsaid=True):
        return
    raise NotThereError("the run {!r}, which is over, never had a gate {!r}", handle.id, gate)


async def plan_of(client: Client, workflow: str, run: str) -> Plan:
    """Return the plan that a run says it has, whose digest nobody has compared.

    Raises:
        RefusalError: it does not say.
    """
    return await _plan(client.get_workflow_handle(workflow, run_id=run))


async def ask(
    handle: WorkflowHandle[Any, Any], query: str, *about: str, within: timedelta = ANSWER
) -> Any:
    """Return the answer of a run to a query.

    Raises:
        RefusalError: there is none (1).
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            return await handle.query(query, args=about, rpc_timeout=within)
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
        raise RefusalError(
            "{!r} does not answer the query {!r} ({}): is it a pipeline?", handle.id, query, error
        ) from None
    except (RPCError, TimeoutError):
        raise RefusalError(
            "{!r} did not answer the query {!r} within {:g} s: is its worker running?",
            handle.id,
            query,
            within.total_seconds(),
        ) from None


async def _has(handle: WorkflowHandle[Any, Any], gate: str, *, unsaid: bool = False) -> bool:
    try:
        return has_gate(await _plan(handle), gate)
    except RefusalError:
        return unsaid


async def _plan(handle: WorkflowHandle[Any, Any]) -> Plan:
    try:
        return Plan.model_validate((await ask(handle, "plan"))["plan"])
    except (ValidationError, TypeError, KeyError):
        raise RefusalError("{!r} does not show its plan", handle.id) from None
