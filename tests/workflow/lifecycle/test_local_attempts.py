"""A local activity that takes too long is followed by a regular one, in a run and in its replay.

The SDK hands a time limit out as the cause alone where it replays, and in an ``ActivityError``
where it has just seen it.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Final

import pytest
from temporalio import activity, workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Replayer, Worker

from activities.contracts import specs
from activities.contracts.meant import MeantError
from dsl.core import Value
from dsl.shown.surfaces import Markdown
from tests.fixtures.engine import Engine

QUEUE: Final = "local-attempts"
TOO_LONG_S: Final = 60.0  # cancelled long before, by the time limit


class Attempt(Value):
    """What goes wrong with the local one."""

    wrong: str


class Whose(Value):
    """Which attempt has answered."""

    local: bool


_spec: Final = specs.ActivitySpec("test.attempt", Attempt, Whose)


@activity.defn(name=_spec.name)
async def attempt(asked: Attempt) -> Whose:
    if activity.info().is_local:
        if asked.wrong == "hangs":
            await asyncio.sleep(TOO_LONG_S)
        if asked.wrong == "hangs and tidies up":
            try:
                await asyncio.sleep(TOO_LONG_S)
            finally:
                await asyncio.sleep(0.1)
        if asked.wrong == "fails in passing":
            raise ApplicationError("nobody there")
        if asked.wrong == "fails for good":
            raise MeantError("never", type="Never")
    return Whose(local=activity.info().is_local)


@workflow.defn(name="TriesLocally", sandboxed=False)
class TriesLocally:
    @workflow.run
    async def run(self, wrong: str) -> str:
        try:
            found = await _spec(
                Attempt(wrong=wrong), activity_id="try#1", summary=Markdown("try"), local=True
            )
        except ActivityError:
            return "failed"
        return "local" if found.local else "regular"


@pytest.mark.parametrize(
    ("wrong", "ended"),
    [
        ("nothing", "local"),
        ("hangs", "regular"),
        ("hangs and tidies up", "regular"),
        ("fails in passing", "regular"),
        ("fails for good", "failed"),
    ],
)
async def test_what_fails_in_passing_is_tried_as_a_regular_activity_live_and_replayed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, wrong: str, ended: str
):
    monkeypatch.setattr(specs, "LOCAL", timedelta(milliseconds=300))
    async with Worker(
        engine.client, task_queue=QUEUE, workflows=[TriesLocally], activities=[attempt]
    ):
        handle = await engine.client.start_workflow(
            TriesLocally.run, wrong, id=f"t-{uuid.uuid4()}", task_queue=QUEUE
        )
        found = await handle.result()
    replayer = Replayer(workflows=[TriesLocally], data_converter=engine.client.data_converter)
    replayed = await replayer.replay_workflow(
        await handle.fetch_history(), raise_on_replay_failure=False
    )

    assert found == ended
    assert replayed.replay_failure is None, replayed.replay_failure
