"""The runs there are: which one a person means, and what each is doing.

1. A run is a pipeline or a change of trust: a workflow on the engine's queue that people may be
   asked by, or whose receipt they look for. The workflows of single agents, and those that only
   keep house, are none: nobody is asked by them, and whoever sent them has heard what came of it.
   Each type of workflow is in ``PEOPLES`` or in ``HOUSEKEEPING``.
2. What a run is doing it says itself, within ``ANSWER_S``; one that does not answer is shown as the
   server's list has it. How one has ended is in that list, and of one that has failed, in which
   way: by a word of ours, no other is believed. Which pipeline it was is its type, or
   where it was started from a document, in the report it ended with; without one it is asked.
3. The newest ``limit`` are shown, ``RUNS_MAX`` at most, and that there are more is said.
4. What holds an id that is for something else is never shown: see ``mandate.people.holders``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError

from activities.runtime.endings import ended_word
from dsl.rules.run.reserved import (
    AGENT,
    ATTESTATION,
    CIRCUIT,
    LEDGER_ANCHOR,
    NOTIFICATION,
    PIPELINE,
    PROMOTION,
    QUEUE,
    REBINDING,
    RECONCILE,
    REGISTRATION,
    REINSTATEMENT,
    REVIEW_AGAIN,
    REVIEW_OUTCOME,
    REVOCATION,
    SWEEP,
)
from dsl.shown.surfaces import Terminal
from mandate.people.errors import NotThereError, RefusalError
from mandate.people.holders import newest, refuse_stranger
from mandate.people.outputs import ANSWER, report_of
from mandate.people.void import Void, void_of
from workflows.runtime.attributes import ENDINGS, STATUS

RUNS_MAX: Final = 200
ADDRESS_MAX: Final = 4_000  # characters of a page: an id of 1,000, percent-encoded
ANSWER_S: Final = 5.0
ASKED_AT_ONCE: Final = 16
PEOPLES: Final = (PIPELINE, PROMOTION, REINSTATEMENT, REVOCATION)
HOUSEKEEPING: Final = (
    *(AGENT, REGISTRATION, REBINDING, NOTIFICATION, CIRCUIT, REVIEW_OUTCOME, REVIEW_AGAIN),
    *(SWEEP, LEDGER_ANCHOR, ATTESTATION, RECONCILE),
)
_NONE: Final = ", ".join(f'"{each}"' for each in HOUSEKEEPING)
# (1) what people may be asked by
_OURS: Final = f'TaskQueue="{QUEUE}" AND WorkflowType NOT IN ({_NONE})'
_SEE: Final = "see: mandate runs"
_RUNNING: Final = 'ExecutionStatus="Running"'
_MOVING: Final = ("running", "waiting")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, and what it is doing or how it ended."""

    workflow: str
    run: str
    type: str
    status: str
    started: datetime | None
    ended: datetime | None = None
    waiting: tuple[Mapping[str, Any], ...] = ()  # rows of its pending gates
    doing: Mapping[str, str] = field(default_factory=dict)  # stages at work, and what each says
    pipeline: str = ""
    void: Void = Void()  # noqa: RUF009 - immutable


@dataclass(frozen=True, slots=True)
class Runs:
    """What was found; ``complete`` is False where there are more (3)."""

    runs: tuple[Run, ...] = field(default=())
    complete: bool = True


async def look(client: Client, *, limit: int = RUNS_MAX, running: bool = False) -> Runs:
    """Return the newest runs, or those that are under way.

    Raises:
        temporalio.service.RPCError: the server does not say which there are.
    """
    found = await listed(client, limit=limit + 1, running=running)
    turn = asyncio.Semaphore(ASKED_AT_ONCE)
    runs = await asyncio.gather(*(_told(client, each, turn) for each in found[:limit]))
    return Runs(tuple(runs), complete=len(found) <= limit)


async def listed(
    client: Client,
    *,
    limit: int,
    running: bool = False,
    before: datetime | None = None,
    prefix: str = "",
) -> list[WorkflowExecution]:
    """Return the newest runs, as the server's list has them.

    Args:
        client: of Temporal.
        limit: how many at most.
        running: those alone that are under way.
        before: those alone that began earlier.
        prefix: those alone whose workflow ids begin so.
    """
    query = f"{_OURS} AND {_RUNNING}" if running else _OURS
    if before is not None:
        query += f' AND StartTime < "{before.isoformat()}"'
    if prefix:
        word = prefix.replace("\\", "\\\\").replace('"', '\\"')
        query += f' AND WorkflowId STARTS_WITH "{word}"'
    return [each async for each in client.list_workflows(query, limit=limit)]


async def described_run(client: Client, run: str) -> WorkflowExecutionDescription:
    """Return what the server says of the newest run of that workflow id.

    Raises:
        NotThereError: there is none, or it is no run.
        RefusalError: something else holds its id.
    """
    state = await newest(client, run)
    refuse_no_run(run, state.task_queue, state.workflow_type)
    if state.status is WorkflowExecutionStatus.RUNNING:
        await refuse_stranger(client, run, state.run_id)  # (4) it holds an id for something else
    return state


async def existing(client: Client, run: str) -> WorkflowHandle[Any, Any]:
    """Return the newest run of that workflow id, under way or over.

    Raises:
        RefusalError: there is none of ours.
    """
    await described_run(client, run)
    return client.get_workflow_handle(run)


async def under_way(client: Client, run: str) -> WorkflowHandle[Any, Any]:
    """Return the run of that workflow id that is running now.

    Raises:
        RefusalError: none of ours is.
    """
    state = await described_run(client, run)
    if state.status is not WorkflowExecutionStatus.RUNNING:
        raise RefusalError("the run {!r} is {} already", run, word_of(state))
    return client.get_workflow_handle(run, run_id=state.run_id)


async def status_of(handle: WorkflowHandle[Any, Any], within: float = ANSWER_S) -> dict[str, Any]:
    """Return what a run says of itself; empty where it does not (2)."""
    try:
        async with asyncio.timeout(within):
            answer = await handle.query("status", rpc_timeout=timedelta(seconds=within))
    except (RPCError, TimeoutError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return {}
    return answer if isinstance(answer, dict) else {}


async def stages_said(
    client: Client, workflow: str, stages: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return what stages of a run say of themselves, by their paths; errors as ``status_of``."""
    turn = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(path: str) -> dict[str, Any]:
        async with turn:
            stage = client.get_workflow_handle(f"{workflow}/{path}")
            return await status_of(stage, ANSWER.total_seconds())

    asked = tuple(stages)
    return dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))


async def pipeline_of(handle: WorkflowHandle[Any, Any], workflow_type: str) -> str:
    """Return of which pipeline a run that is over was (2); empty where nobody can say."""
    if workflow_type != PIPELINE:
        return workflow_type
    try:
        report = await report_of(handle)
    except (RPCError, WorkflowFailureError):
        report = {}
    named = report.get("pipeline") if isinstance(report, dict) else None
    return str(named or (await status_of(handle)).get("pipeline") or "")


def at_work(status: Mapping[str, Any]) -> dict[str, str]:
    """Return the stages that move or wait, of an answer to ``status``, with what each says."""
    stages = status.get("stages")
    rows = stages.items() if isinstance(stages, dict) else ()
    return {
        str(path): str(row.get("detail") or "")
        for path, row in rows
        if isinstance(row, dict) and row.get("status") in _MOVING and row.get("type") == "agent"
    }


def word_of(found: WorkflowExecution) -> str:
    """Return how a run stands or has ended, as people read it everywhere (2)."""
    word = ended_word(found.status)
    told = str(found.typed_search_attributes.get(STATUS) or "")
    return told if found.status is WorkflowExecutionStatus.FAILED and told in ENDINGS else word


def doing_words(doing: Mapping[str, str]) -> Terminal:
    """Name the stages at work; of one that waits for something, such as a circuit, say for what."""
    stages = (
        Terminal.of("{} ({})", path, detail) if detail else Terminal.of("{}", path)
        for path, detail in doing.items()
    )
    return Terminal.joined(", ", stages)


def refuse_no_run(run: str, queue: str, kind: str) -> None:
    """Refuse, by a ``NotThereError``, what is no run: a stage, or of another queue."""
    if queue != QUEUE or kind == AGENT:
        raise NotThereError("{!r} is a workflow of type {!r}, and no run", run, kind, typed=_SEE)


async def _told(client: Client, found: WorkflowExecution, turn: asyncio.Semaphore) -> Run:
    run = Run(found.id, found.run_id, found.workflow_type, "foreign", found.start_time)
    handle = client.get_workflow_handle(found.id, run_id=found.run_id)
    if found.status is not WorkflowExecutionStatus.RUNNING:
        async with turn:
            pipeline = await pipeline_of(handle, found.workflow_type)
        return replace(run, status=word_of(found), ended=found.close_time, pipeline=pipeline)
    async with turn:
        try:
            # (4) it holds an id for something else
            await refuse_stranger(client, found.id, found.run_id)
        except RefusalError:
            return run
        status = await status_of(handle)
    gates = status.get("waiting_for")
    waiting = (
        tuple(row for row in gates if isinstance(row, dict)) if isinstance(gates, list) else ()
    )
    moving = "waiting" if waiting else "running"
    paused = status.get("paused") is True
    return replace(
        run,
        status="paused" if paused else moving if status else "not answering",
        waiting=waiting,
        doing=at_work(status),
        pipeline=str(status.get("pipeline") or ""),
        void=void_of(status),
    )


def asked(row: Mapping[str, Any]) -> Terminal:
    """Return who has to answer a pending gate, and which."""
    whom = row.get("still_needed_of") or Terminal.listed(row.get("approvers") or ())
    gate = row.get("gate", "")
    return Terminal.of("{}: {}", gate, whom) if whom else Terminal.of("{}", gate)


def address(env: Mapping[str, str], workflow_id: str, run_id: str = "") -> str:
    """Return the page of a run in the Web UI; of the newest of that id without ``run_id``."""
    namespace = quote(env.get("TEMPORAL_NAMESPACE", "default"), safe="")
    base = env.get("MANDATE_UI", "").rstrip("/")
    page = quote(workflow_id, safe="", errors="replace")
    of = f"{base}/namespaces/{namespace}/workflows/{page}"
    return f"{of}/{run_id}/history" if run_id else of
