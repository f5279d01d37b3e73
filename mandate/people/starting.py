"""What is to be started, and what it resumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from activities.contracts.specs import QUEUE
from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.rules.run.reserved import AGENT
from dsl.shown.surfaces import Terminal
from mandate.people.errors import NotThereError, RefusalError, UsageError
from mandate.people.holders import newest
from mandate.people.runs import pipeline_of, refuse_no_run, word_of
from mandate.unanswered import words_of
from workflows.ledger.reuse import RESUME_MEMO
from workflows.runtime.attributes import REFUSED


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be started."""

    workflow_type: str
    input: dict[str, Any]
    name: str
    plan: str = ""  # digest, as compiled here
    values: Mapping[str, Any] = field(default_factory=dict)  # every input, with defaults


async def resume_memo(client: Client, workflow_id: str, pipeline: str) -> dict[str, Any]:
    """Return the memo of a start of a pipeline that resumes the latest run of that workflow id.

    Raises:
        NotThereError: the server knows none, and what it does not know nobody can compare.
        UsageError: it is none of that pipeline, or no stage of it ever began. Where nobody says of
            which it was, the ledger's worker finds out.
        RefusalError: it is under way.
    """
    try:
        found = await newest(client, workflow_id)
    except RPCError as error:
        raise RefusalError("{!r} cannot be looked at: {}", workflow_id, words_of(error)) from None
    try:
        refuse_no_run(workflow_id, found.task_queue, found.workflow_type)
    except RefusalError as error:
        raise UsageError("{}: expected the id of a run of {!r}", error.sentence, pipeline) from None
    if found.close_time is None:
        raise RefusalError(
            "{!r} is under way: wait for its end, or `mandate cancel RUN`, and resume it then",
            workflow_id,
        )
    if word_of(found) == REFUSED:
        raise UsageError(
            "{!r} was refused before a stage of it began: nothing of it can stand here",
            workflow_id,
            typed="leave out --resume-from",
        )
    handle = client.get_workflow_handle(workflow_id, run_id=found.run_id)
    was = await pipeline_of(handle, found.workflow_type) or pipeline
    if was != pipeline:
        raise UsageError(
            "{!r} was a run of {!r}, and this is one of {!r}: nothing of it can stand here",
            *(workflow_id, was, pipeline),
        )
    return {RESUME_MEMO: {"workflow": workflow_id, "run": found.run_id}}


async def told_before(client: Client, workflow_id: str) -> tuple[Terminal, ...]:
    """Return how the workflow is found that had that id last and is over; nothing without one.

    Raises:
        temporalio.service.RPCError: the server does not answer.
    """
    try:
        found = await newest(client, workflow_id)
    except NotThereError:
        return ()
    if found.close_time is None:
        return ()
    see = Terminal.command("temporal workflow show -w {} --run-id {}", workflow_id, found.run_id)
    line = Terminal.of(
        "there was a run {!r} before, which is {}: commands show the new one; of the old: {}",
        *(workflow_id, word_of(found), see),
    )
    return (line,)


async def refuse_below(client: Client, workflow_id: str) -> None:
    """Refuse an id below that of a run: it may be that of a stage, which could then not begin.

    Raises:
        UsageError: it is one.
        temporalio.service.RPCError: the server does not answer.
    """
    above, slash, _ = workflow_id.rpartition("/")
    while slash:
        if await _is_run(client, above):
            raise UsageError(
                "--id {!r} is below that of the run {!r}, as those of its stages are; give another",
                *(workflow_id, above),
            )
        above, slash, _ = above.rpartition("/")


async def _is_run(client: Client, workflow_id: str) -> bool:
    try:
        found = await described(client, workflow_id)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            return False
        raise
    return found.task_queue == QUEUE and found.type.name != AGENT


async def start(
    client: Client, order: Order, workflow_id: str, memo: Mapping[str, Any] | None = None
) -> WorkflowHandle[Any, Any]:
    """Start what was ordered."""
    return await client.start_workflow(
        order.workflow_type, order.input, id=workflow_id, task_queue=QUEUE, memo=memo
    )
