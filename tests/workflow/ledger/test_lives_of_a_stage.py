"""What a stage has been since it was taken back, also where nobody goes on from it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.ledger.histories import _others, _since

QUEUE: Final = "lives"
SEEN_S: Final = 60
FIRST_TASK: Final = 4  # the event of its end


@workflow.defn(name="EndsAtOnce", sandboxed=False)
class EndsAtOnce:
    @workflow.run
    async def run(self) -> None:
        """End."""


async def taken_back(client: Client, name: str, run: str) -> str:
    """Take a run back to its beginning, and return the one that has gone on from there."""
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=name, run_id=run),
            reason="once more",
            request_id=str(uuid.uuid4()),
            workflow_task_finish_event_id=FIRST_TASK,
        )
    )
    await client.get_workflow_handle(name, run_id=answer.run_id).result()
    return answer.run_id


async def test_a_life_that_was_taken_back_beside_another_is_found(temporal: WorkflowEnvironment):
    client, name = temporal.client, f"run-{uuid.uuid4()}/it's look"
    async with Worker(client, task_queue=QUEUE, workflows=[EndsAtOnce]):
        started = await client.start_workflow(EndsAtOnce.run, id=name, task_queue=QUEUE)
        await started.result()
        first = str(started.result_run_id)
        beside, now = [await taken_back(client, name, first) for _ in range(2)]
        later = await client.start_workflow(EndsAtOnce.run, id=name, task_queue=QUEUE)
        await later.result()  # nothing to do with it
    stage = (name, first)
    async with asyncio.timeout(SEEN_S):
        while not await _others(client, stage, (name, now)):  # noqa: ASYNC110  # the server lists it
            await asyncio.sleep(0.1)
    since = _since(client, stage, (name, now))
    found = [(place, told is not None) async for place, told in since]

    assert found == [((name, now), True), ((name, beside), True)]


async def test_an_id_that_no_list_can_be_asked_for_is_asked_for_in_none(
    temporal: WorkflowEnvironment,
):
    for name in ('x" OR WorkflowId != "', "x\\"):
        assert await _others(temporal.client, (name, "1"), (name, "2")) == []
