"""A deep replay finds what is asked for otherwise, and nothing where a run asks as it did."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from temporalio import workflow
from temporalio.worker import Interceptor, Replayer, Worker

from mandate.work.look.deep_replay import deep_replay
from tests.fixtures.engine import Engine

LONG = timedelta(minutes=1)


@workflow.defn(name="Hasty", sandboxed=False)
class Hasty:
    """Asks for an activity, and takes that back before anybody has heard of it."""

    @workflow.run
    async def run(self) -> str:
        asking = workflow.start_activity("nobody", start_to_close_timeout=LONG)
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        await workflow.sleep(0.1)
        return "done"


def replayer(*interceptors: Interceptor) -> Replayer:
    return Replayer(workflows=[Hasty], interceptors=interceptors)


async def test_what_was_taken_back_in_the_task_that_asked_for_it_is_no_difference(engine: Engine):
    queue = f"hasty-{uuid.uuid4()}"
    async with Worker(engine.client, task_queue=queue, workflows=[Hasty]):
        run = await engine.client.start_workflow("Hasty", id=queue, task_queue=queue)
        assert await run.result() == "done"

    history = await run.fetch_history()
    assert not any(
        each.HasField("activity_task_scheduled_event_attributes") for each in history.events
    )
    assert await deep_replay(history, replayer) == []
