"""The histories of runs with everything they started, each replayed deeply.

1. A stage is found by what the history of its run says of it, a run that was reset by what it was
   reset from, and what else was started, by the ids that are named besides.
2. What a stage has started is the work of somebody else: its history is read, and not replayed.
3. A stage may end after its run: it is waited for, ``ENDED_WITHIN_S`` in all.
4. At most ``RUNS_MAX`` runs are read: beyond that it is no experiment of ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.ledger.histories import read_history
from activities.runtime.engine import described
from dsl.rules.chaos.evidence import Replayed
from dsl.rules.reconciliation.history import History, attributes, type_of
from dsl.rules.reconciliation.stage_history import AGENT
from integrations.errors import IntegrationError, NotFoundError, UnavailableError
from mandate.unanswered import words_of
from mandate.work.look.deep_replay import deep_replay

RUNS_MAX: Final = 2_000
ENDED_WITHIN_S: Final = 30.0  # stages that are told to end because their run was terminated
_LOOK_EVERY_S: Final = 0.1
_REPORTED: Final = "TemporalReportedProblems"
_RESET: Final = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
_CHILD: Final = "CHILD_WORKFLOW_EXECUTION_STARTED"
_RUNNING: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_NO_SUCH: Final = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)


@dataclass(slots=True)
class Gathered:
    """What Temporal says of the runs of an experiment."""

    histories: list[History] = field(default_factory=list)
    replays: list[Replayed] = field(default_factory=list)
    wedged: dict[str, str] = field(default_factory=dict)


async def gather(client: Client, workflow_ids: Iterable[str], found: Gathered) -> None:
    """Add the runs of these workflows, and everything they started, to ``found``.

    Raises:
        NotFoundError: one of them was never started.
        UnavailableError: Temporal does not answer, or there are too many (4).
    """
    until = time.monotonic() + ENDED_WITHIN_S
    seen = {(each.workflow_id, each.run_id) for each in found.histories}
    pending: list[tuple[str, str | None, bool]] = [(each, None, True) for each in workflow_ids]
    while pending:
        workflow_id, run_id, is_ours = pending.pop()
        told = await _at_rest(client, workflow_id, run_id, until)
        run = (workflow_id, told.execution.run_id)
        if run in seen:
            continue
        seen.add(run)
        if len(seen) > RUNS_MAX:
            raise UnavailableError(f"there are more than {RUNS_MAX} runs: watch fewer at a time")
        fetched = await _fetched(client, *run)
        history = read_history(fetched)
        found.histories.append(history)
        if is_ours:
            differences = await deep_replay(fetched)
            found.replays.append(Replayed(*run, tuple(differences)))
        if told.status == _RUNNING:
            found.wedged[workflow_id] = _reported(told)
        # (2) what a stage has started is the work of somebody else
        pending += _started(history, is_ours=is_ours and history.type != AGENT)


def _started(history: History, *, is_ours: bool) -> Iterable[tuple[str, str | None, bool]]:
    for event in history.events:
        said = attributes(event)
        if type_of(event) == _CHILD:  # (1) of its run
            child = said.get("workflowExecution") or {}
            yield str(child.get("workflowId", "")), str(child.get("runId", "")), is_ours
        elif said.get("cause") == _RESET:  # (1) what it was reset from
            yield history.workflow_id, str(said.get("baseRunId", "")), True


def _reported(told: WorkflowExecutionInfo) -> str:
    """Return what the server reports of a run that is under way; empty for nothing."""
    reported = told.search_attributes.indexed_fields.get(_REPORTED)
    return reported.data.decode(errors="replace") if reported is not None else ""


async def _at_rest(
    client: Client, workflow_id: str, run_id: str | None, until: float
) -> WorkflowExecutionInfo:
    """Describe a run when it has ended, or when it should have (3)."""
    while True:
        told = await _described(client, workflow_id, run_id)
        if told.status != _RUNNING or time.monotonic() > until:
            return told
        await asyncio.sleep(_LOOK_EVERY_S)


async def _described(client: Client, workflow_id: str, run_id: str | None) -> WorkflowExecutionInfo:
    try:
        return await described(client, workflow_id, run_id)
    except RPCError as error:
        raise _said(workflow_id, error) from None


async def _fetched(client: Client, workflow_id: str, run_id: str) -> WorkflowHistory:
    try:
        return await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    except RPCError as error:
        raise _said(workflow_id, error) from None


def _said(workflow_id: str, error: RPCError) -> IntegrationError:
    if error.status in _NO_SUCH:
        return NotFoundError(f"temporal knows no run of {workflow_id!r}")
    return UnavailableError(f"temporal does not tell of {workflow_id!r}: {words_of(error)}")
