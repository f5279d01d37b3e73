"""A local activity that takes too long is followed by a regular one, in a run and in its replay.

The SDK hands a time limit out as the cause alone where it replays, and in an ``ActivityError``
where it has just seen it. It applies a signal before what has come with it, and the end of a local
activity comes with a signal where the server was slow to answer: here it is made to be.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Replayer, Worker

from activities.contracts import specs
from activities.contracts.meant import MeantError
from dsl.core import Value
from dsl.shown.surfaces import Markdown
from integrations.chaos.wire import WireProxy
from tests.fixtures.engine import Engine
from tests.fixtures.servers.valkey import free_port

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
    if wrong.startswith("hangs"):  # no other waits for the limit, which a busy machine may take
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


class AnswersHeld(WireProxy):
    """Keeps what the server answers while told to."""

    is_holding = False

    async def _weathered(
        self, chunk: bytes, sink: asyncio.StreamWriter, pair: object, *, is_answer: bool
    ) -> bool:
        while is_answer and self.is_holding:  # noqa: ASYNC110  # as the tests set it
            await asyncio.sleep(0.01)
        sink.write(chunk)
        await sink.drain()
        return True


class Gate:
    """What the activity below tells and waits for."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.was_cancelled = False

    @activity.defn(name=_spec.name)
    async def passes(self, _: Attempt) -> Whose:
        self.has_begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return Whose(local=activity.info().is_local)


@workflow.defn(name="TriesUntilTold", sandboxed=False)
class TriesUntilTold:
    def __init__(self) -> None:
        self._heard: list[str] = []
        self._work: asyncio.Task[Whose] | None = None

    @workflow.run
    async def run(self) -> str:
        self._work = asyncio.create_task(
            _spec(
                Attempt(wrong="nothing"),
                activity_id="try#1",
                summary=Markdown("try"),
                local=True,
                heard_late=lambda answer: self._heard.append(type(answer).__name__),
            )
        )
        try:
            await self._work
        except asyncio.CancelledError:
            await workflow.sleep(timedelta(milliseconds=1))  # a command that replay compares
            return f"cancelled after {self._heard}"
        return "went on"

    @workflow.signal
    async def stop(self) -> None:
        if self._work is not None:
            self._work.cancel()


@pytest_asyncio.fixture
async def wire(engine: Engine) -> AsyncIterator[AnswersHeld]:
    host, _, port = engine.settings.temporal.partition(":")
    async with AnswersHeld(free_port(), (host, int(port))) as proxy:
        yield proxy


async def told_as_it_ends(
    engine: Engine, wire: AnswersHeld, gate: Gate
) -> WorkflowHandle[Any, Any]:
    """Let a signal and the end of a local activity reach the workflow together."""
    handle = await engine.client.start_workflow(
        TriesUntilTold.run,
        id=f"t-{uuid.uuid4()}",
        task_queue=QUEUE,
        task_timeout=timedelta(seconds=2),
    )
    await gate.has_begun.wait()
    wire.is_holding = True
    await handle.signal(TriesUntilTold.stop)
    while len(tasks_started(await handle.fetch_history())) < 2:  # noqa: ASYNC110  # the server is asked
        await asyncio.sleep(0.02)
    gate.may_end.set()
    await asyncio.sleep(0.1)  # the worker knows of it
    wire.is_holding = False
    return handle


def tasks_started(history: WorkflowHistory) -> list[int]:
    begun = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
    return [each.event_id for each in history.events if each.event_type == begun]


def failures_of(history: WorkflowHistory) -> list[str]:
    return [
        each.workflow_task_failed_event_attributes.failure.message
        for each in history.events
        if each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]


async def replays(client: Client, history: WorkflowHistory) -> bool:
    replayer = Replayer(workflows=[TriesUntilTold], data_converter=client.data_converter)
    done = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return done.replay_failure is None


async def test_a_cancel_that_comes_with_the_end_of_a_local_activity_is_obeyed_and_fails_no_task(
    engine: Engine, wire: AnswersHeld
):
    gate = Gate()
    behind = await Client.connect(
        f"127.0.0.1:{wire.port}", data_converter=engine.client.data_converter
    )
    async with Worker(
        behind, task_queue=QUEUE, workflows=[TriesUntilTold], activities=[gate.passes]
    ):
        handle = await told_as_it_ends(engine, wire, gate)
        ended = await handle.result()
    history = await handle.fetch_history()

    assert ended == "cancelled after ['Whose']"
    assert failures_of(history) == []
    assert not gate.was_cancelled
    assert await replays(engine.client, history)


async def as_it_was(attempt: workflow.ActivityHandle[Whose]) -> Whose:
    return await attempt


async def test_a_run_that_has_cancelled_a_local_activity_replays(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate()
    with monkeypatch.context() as before:
        before.setattr(specs, "_ended", as_it_was)
        async with Worker(
            engine.client, task_queue=QUEUE, workflows=[TriesUntilTold], activities=[gate.passes]
        ):
            handle = await engine.client.start_workflow(
                TriesUntilTold.run,
                id=f"t-{uuid.uuid4()}",
                task_queue=QUEUE,
                task_timeout=timedelta(seconds=2),
            )
            await gate.has_begun.wait()
            await handle.signal(TriesUntilTold.stop)
            await handle.result()

    assert gate.was_cancelled
    assert await replays(engine.client, await handle.fetch_history())
