"""A user's own workflows, on a worker that has the plugin: they keep what the SDK gives them.

On a queue of theirs the plugin adds nothing; see docs/library.md.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from tests.fixtures.engine import Engine

QUEUE = "of-a-user"
ANSWER_S: Final = 30.0


@workflow.defn(name="UsersSum", sandboxed=False)
class UsersSum:
    """Takes two arguments."""

    @workflow.run
    async def run(self, left: int, right: int) -> int:
        return left + right


@workflow.defn(name="UsersWaiter", sandboxed=False)
class UsersWaiter:
    """Ends by a signal whose handler raises."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def stop(self, why: str) -> None:
        raise ApplicationError(why, type="Theirs", non_retryable=True)


@pytest_asyncio.fixture
async def users(engine: Engine) -> AsyncIterator[Engine]:
    """A worker of the client that carries the plugin, with the user's workflows."""
    async with Worker(engine.client, task_queue=QUEUE, workflows=[UsersSum, UsersWaiter]):
        yield engine


async def test_a_users_workflow_may_take_two_arguments(users: Engine):
    found = await users.client.execute_workflow(
        "UsersSum", args=[3, 4], id=f"t-{uuid.uuid4()}", task_queue=QUEUE
    )

    assert found == 7


async def test_what_a_users_signal_handler_raises_is_not_swallowed(users: Engine):
    handle = await users.client.start_workflow(
        "UsersWaiter", id=f"t-{uuid.uuid4()}", task_queue=QUEUE
    )
    await handle.signal("stop", "enough")
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()

    assert isinstance(caught.value.cause, ApplicationError)
    assert (caught.value.cause.type, caught.value.cause.message) == ("Theirs", "enough")


@pytest.mark.parametrize("kind", ["Pipeline", "Agent", "infrastructure-deploy"])
async def test_a_queue_of_theirs_runs_none_of_our_workflows(users: Engine, kind: str):
    handle = await users.client.start_workflow(kind, {}, id=f"t-{uuid.uuid4()}", task_queue=QUEUE)
    try:
        async with asyncio.timeout(ANSWER_S):
            while not (said := await failed_tasks(handle)):  # noqa: ASYNC110  # a server is asked
                await asyncio.sleep(0.05)
    finally:
        await handle.terminate()

    assert all(f"Workflow class {kind} is not registered" in each for each in said)


async def failed_tasks(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Return why workflow tasks of the run have failed."""
    history = await handle.fetch_history()
    return [
        event.workflow_task_failed_event_attributes.failure.message
        for event in history.events
        if event.HasField("workflow_task_failed_event_attributes")
    ]
