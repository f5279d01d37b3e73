"""Histories of a run and of its stages, fetched from the server, each by run id.

Which stages a run has, its own history says: every child workflow of an agent that was started. A
stage ends before its run, and so may its retention: who takes what is left is told what is missing.
A stage that somebody has taken back goes on under another run id, which its run never hears of: the
server says which that is, and each run that was reset names the one that it was reset from. So one
that was taken back again and again is followed from the newest back to the one that was started.
What of it nobody goes on from, since an older one was reset once more, none of these names: it is
among the runs of that id which the server lists, as long as it keeps them. An id with a quotation
mark or a backslash cannot be asked for in a list: there it is not found.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.runtime.engine import ANSWER, described
from dsl.rules.reconciliation.history import History
from dsl.rules.run.reserved import AGENT

AT_ONCE: Final = 4  # each may have megabytes
RESETS_MAX: Final = 100  # of one stage that are followed


async def with_stages(
    client: Client,
    workflow_id: str,
    run_id: str,
    missing: list[tuple[str, str]] | None = None,
    later: list[tuple[str, str]] | None = None,
) -> AsyncIterator[WorkflowHistory]:
    """Yield the history of a run, then those of its stages in the order of their starts.

    Behind that of a stage which was taken back come those of the runs that it has been since, the
    newest first, and then those that nobody goes on from.

    Args:
        client: of the server.
        workflow_id: of the run.
        run_id: of the run.
        missing: takes the stages that the server does not keep any more, and such runs that they
            have been since; None: a stage that is not kept is an error.
        later: takes the runs that stages have been since somebody took them back, once they are
            over, kept or not; None: they are not asked for.

    Raises:
        temporalio.service.RPCError: the server does not tell.
    """
    first = await _history(client, workflow_id, run_id)
    yield first
    stages, is_needed = stages_in(first), missing is None
    missing = [] if missing is None else missing
    for at in range(0, len(stages), AT_ONCE):
        some = stages[at : at + AT_ONCE]
        found = (_found(client, each, is_needed=is_needed, asks=later is not None) for each in some)
        for each, (history, now) in zip(some, await asyncio.gather(*found), strict=True):
            if history is None:
                missing.append(each)
            else:
                yield history
            if now is None or later is None:
                continue
            async for place, again in _since(client, each, now):
                later.append(place)
                if again is None:
                    missing.append(place)
                else:
                    yield again


def stages_in(history: WorkflowHistory) -> list[tuple[str, str]]:
    """Return workflow id and run id of every stage that a run has started."""
    found = []
    for event in history.events:
        started: Any = event.child_workflow_execution_started_event_attributes
        if started.workflow_type.name == AGENT:
            execution = started.workflow_execution
            found.append((execution.workflow_id, execution.run_id))
    return found


async def _found(
    client: Client, stage: tuple[str, str], *, is_needed: bool, asks: bool
) -> tuple[WorkflowHistory | None, tuple[str, str] | None]:
    """Return the history of a stage, and where it ``asks`` for that the run that it is now."""
    history = await _stage(client, stage, is_needed=is_needed)
    return history, await _now(client, *stage) if asks else None


async def _since(
    client: Client, stage: tuple[str, str], now: tuple[str, str]
) -> AsyncIterator[tuple[tuple[str, str], WorkflowHistory | None]]:
    """Yield what a stage has been since it was taken back, from what it is now to its start.

    None: the server does not keep it any more; or it is one more than are followed.
    """
    wanted = [*await _others(client, stage, now), now]
    seen = {stage[1], *(run for _, run in wanted)}
    for _ in range(RESETS_MAX):
        if not wanted:
            return
        place = wanted.pop()
        history = await _stage(client, place, is_needed=False)
        yield place, history
        for event in history.events if history is not None else ():
            told = event.workflow_task_failed_event_attributes
            if told.new_run_id and told.base_run_id not in seen:
                seen.add(told.base_run_id)
                wanted.append((stage[0], told.base_run_id))
    for place in wanted:
        yield place, None


async def _now(client: Client, workflow_id: str, run_id: str) -> tuple[str, str] | None:
    """Return the run that a stage is now, which is over; None: it is the one that was started."""
    try:
        found = await described(client, workflow_id)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    now = found.execution.run_id
    # A later start under that id has nothing to do with it; of what is under way either is ahead.
    is_ours = found.first_run_id == run_id != now and found.HasField("close_time")
    return (workflow_id, now) if is_ours else None


async def _others(
    client: Client, stage: tuple[str, str], now: tuple[str, str]
) -> list[tuple[str, str]]:
    """Return what the server lists of a stage that was taken back, the oldest first."""
    if '"' in stage[0] or "\\" in stage[0]:
        return []
    listed = await client.workflow_service.list_workflow_executions(
        ListWorkflowExecutionsRequest(
            namespace=client.namespace, page_size=RESETS_MAX, query=f'WorkflowId = "{stage[0]}"'
        ),
        retry=True,
        timeout=ANSWER,
    )
    runs = [row.execution.run_id for row in reversed(listed.executions)]
    others = [run for run in runs if run not in (stage[1], now[1])]
    return [(stage[0], run) for run in others if await _is_of(client, stage, run)]


async def _is_of(client: Client, stage: tuple[str, str], run: str) -> bool:
    """Tell whether a run is one that a stage has been, and not a later start under its id."""
    try:
        found = await described(client, stage[0], run)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return bool(found.first_run_id == stage[1]) and found.HasField("close_time")


async def _history(client: Client, workflow_id: str, run_id: str) -> WorkflowHistory:
    return await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()


async def _stage(
    client: Client, stage: tuple[str, str], *, is_needed: bool
) -> WorkflowHistory | None:
    try:
        return await _history(client, *stage)
    except RPCError as error:
        if is_needed or error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


def runs_of(histories: Iterable[History]) -> list[tuple[str, str]]:
    """Return workflow id and run id of all that has written these histories.

    What a run did before it was reset stands on the ledger under the runs before.
    """
    found = ((each.workflow_id, run) for each in histories for run in each.runs)
    return list(dict.fromkeys(found))


def bytes_of(history: WorkflowHistory) -> int:
    """Return the size of its events as the server sends them."""
    return sum(event.ByteSize() for event in history.events)


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


def text_of(history: History) -> str:
    """Return a history that was read as the JSON which Temporal's tools take."""
    return json.dumps({"events": history.events}, separators=(",", ":"))
