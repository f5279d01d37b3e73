"""The inbox: every pending gate of every run, as far as one page goes.

1. Runs that wait are found by the search attribute; where it is not registered, all running ones
   of ours are asked.
2. Each run is asked for itself, so that what is shown is what it is now. One that does not answer
   within ``ANSWER_S`` is shown as such, and keeps nobody waiting longer.
3. At most ``INBOX_RUNS_MAX`` runs are asked, ``ASKED_AT_ONCE`` at a time; that there are more is
   said.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import AGENT_WORKFLOW, QUEUE, REGISTRATION_WORKFLOW
from dsl.surfaces import Terminal
from mandate.people.errors import RefusalError
from mandate.people.rows import GateRow
from mandate.people.voting import pending

INBOX_RUNS_MAX: Final = 200
ANSWER_S: Final = 5.0
ASKED_AT_ONCE: Final = 16
_WAITING: Final = 'MandateStatus="waiting" AND ExecutionStatus="Running"'
_RUNNING: Final = (
    f'TaskQueue="{QUEUE}" AND ExecutionStatus="Running" '
    f'AND WorkflowType != "{AGENT_WORKFLOW}" AND WorkflowType != "{REGISTRATION_WORKFLOW}"'
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run, and what it waits for; or why that is not known."""

    workflow: str
    run: str
    type: str
    rows: tuple[GateRow, ...] = ()
    why: Terminal = Terminal()  # noqa: RUF009 - immutable


@dataclass(frozen=True, slots=True)
class Inbox:
    """What was found; ``complete`` is False where there are more runs (3)."""

    runs: tuple[Run, ...]
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


async def _found(client: Client) -> list[WorkflowExecution]:
    try:
        return await _listed(client, _WAITING)  # (1)
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
    return await _listed(client, _RUNNING)


async def _listed(client: Client, query: str) -> list[WorkflowExecution]:
    found = client.list_workflows(query, limit=INBOX_RUNS_MAX + 1)
    return [each async for each in found]


async def _ask(client: Client, found: WorkflowExecution, turn: asyncio.Semaphore) -> Run:
    handle = client.get_workflow_handle(found.id, run_id=found.run_id)
    run = Run(found.id, found.run_id, found.workflow_type)
    async with turn:
        try:
            rows = await pending(handle, within=timedelta(seconds=ANSWER_S))
        except RefusalError as error:  # (2)
            return Run(run.workflow, run.run, run.type, why=error.line)
    return Run(run.workflow, run.run, run.type, rows)
