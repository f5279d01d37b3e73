"""The inbox: every pending gate of every run, as far as one page goes.

1. Runs that wait are found by the search attribute; where it is not registered, all running ones
   of ours are asked.
2. Each run is asked for itself, so that what is shown is what it is now. One that does not answer
   within ``ANSWER_S`` is shown as such, and keeps nobody waiting longer.
3. At most ``INBOX_RUNS_MAX`` runs are asked, ``ASKED_AT_ONCE`` at a time; that there are more is
   said.
4. One run that is named is asked whatever the lists say. Where it is over nobody is asked there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.specs import AGENT_WORKFLOW, QUEUE, REGISTRATION_WORKFLOW
from dsl.shown.surfaces import Terminal
from mandate.people.errors import RefusalError, over
from mandate.people.gates.queries import pending
from mandate.people.gates.rows import GateRow
from mandate.people.runs import at_work, described_run, status_of, word_of
from mandate.people.void import Void, void_of

INBOX_RUNS_MAX: Final = 200
ANSWER_S: Final = 5.0
ASKED_AT_ONCE: Final = 16
_WAITING: Final = 'MandateStatus="waiting" AND ExecutionStatus="Running"'
_RUNNING: Final = (
    f'TaskQueue="{QUEUE}" AND ExecutionStatus="Running" '
    f'AND WorkflowType != "{AGENT_WORKFLOW}" AND WorkflowType != "{REGISTRATION_WORKFLOW}"'
)


@dataclass(frozen=True, slots=True)
class InboxRun:
    """One run, and what it waits for; or why that is not known."""

    workflow: str
    run: str
    type: str
    rows: tuple[GateRow, ...] = ()
    why: Terminal = Terminal()  # noqa: RUF009 - immutable
    void: Void = Void()  # noqa: RUF009 - immutable
    doing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inbox:
    """What was found; ``complete`` is False where there are more runs (3)."""

    runs: tuple[InboxRun, ...]
    complete: bool = True


async def look(client: Client) -> Inbox:
    """Ask every run that waits.

    Raises:
        temporalio.service.RPCError: the server does not say which there are.
    """
    found = await _found(client)
    turn = asyncio.Semaphore(ASKED_AT_ONCE)
    asked = found[:INBOX_RUNS_MAX]
    runs = await asyncio.gather(*(_ask(client, each, turn) for each in asked))
    return Inbox(tuple(runs), complete=len(found) <= INBOX_RUNS_MAX)


async def look_at(client: Client, workflow_id: str) -> Inbox:
    """Ask one run (4).

    Raises:
        RefusalError: there is no such run, or it is over.
        temporalio.service.RPCError: the server does not say.
    """
    found = await described_run(client, workflow_id)
    if found.status is not WorkflowExecutionStatus.RUNNING:
        raise over(workflow_id, word_of(found))
    return Inbox((await _ask(client, found, asyncio.Semaphore()),))


async def is_listed(client: Client, run: InboxRun) -> bool:
    """Tell whether who looks for what waits in the server's lists finds this run."""
    try:
        return bool(await _listed(client, f'RunId="{run.run}" AND {_WAITING}'))
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
    return True  # (1) nobody finds any that way


async def _found(client: Client) -> list[WorkflowExecution]:
    try:
        return await _listed(client, _WAITING)  # (1) found by the search attribute
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
    return await _listed(client, _RUNNING)


async def _listed(client: Client, query: str) -> list[WorkflowExecution]:
    found = client.list_workflows(query, limit=INBOX_RUNS_MAX + 1)
    return [each async for each in found]


async def _ask(client: Client, found: WorkflowExecution, turn: asyncio.Semaphore) -> InboxRun:
    handle = client.get_workflow_handle(found.id, run_id=found.run_id)
    run = InboxRun(found.id, found.run_id, found.workflow_type)
    async with turn:
        try:
            rows, status = await asyncio.gather(
                pending(handle, within=timedelta(seconds=ANSWER_S)), status_of(handle)
            )
        except RefusalError as error:  # (2) shown as such, and waited for no longer
            return replace(run, why=error.sentence)
    return replace(run, rows=rows, void=void_of(status), doing=at_work(status))
