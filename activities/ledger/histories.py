"""Histories of a run and of its stages, fetched from the server, each by run id.

Which stages a run has, its own history says: every child workflow of an agent that was started.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from temporalio.client import Client, WorkflowHistory

from activities.contracts.specs import AGENT_WORKFLOW
from dsl.rules.reconciliation.history import History

AT_ONCE: Final = 16


async def with_stages(
    client: Client, workflow_id: str, run_id: str
) -> AsyncIterator[WorkflowHistory]:
    """Yield the history of a run, then those of its stages in the order of their starts.

    Raises:
        temporalio.service.RPCError: the server does not tell.
    """
    first = await _history(client, workflow_id, run_id)
    yield first
    stages = stages_in(first)
    for at in range(0, len(stages), AT_ONCE):
        some = (_history(client, *each) for each in stages[at : at + AT_ONCE])
        for history in await asyncio.gather(*some):
            yield history


def stages_in(history: WorkflowHistory) -> list[tuple[str, str]]:
    """Return workflow id and run id of every stage that a run has started."""
    found = []
    for event in history.events:
        started: Any = event.child_workflow_execution_started_event_attributes
        if started.workflow_type.name == AGENT_WORKFLOW:
            execution = started.workflow_execution
            found.append((execution.workflow_id, execution.run_id))
    return found


async def _history(client: Client, workflow_id: str, run_id: str) -> WorkflowHistory:
    return await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()


def read_history(history: WorkflowHistory) -> History:
    """Return a history as rules read it.

    One that was reset begins as the run before did, which is the one that the SDK names: whose it
    is says the last reset.
    """
    events: Any = history.to_json_dict()["events"]
    started = history.events[0].workflow_execution_started_event_attributes
    resets = [each.workflow_task_failed_event_attributes.new_run_id for each in history.events]
    run_id = next(filter(None, reversed(resets)), history.run_id)
    return History(history.workflow_id, run_id, started.workflow_type.name, tuple(events))
