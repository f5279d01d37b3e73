"""A folder that is reviewed again and again: one schedule for it, one review at a time."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleHandle,
    ScheduleInfo,
    ScheduleOverlapPolicy,
)

from activities.contracts.specs import QUEUE, REVIEW_AGAIN_WORKFLOW
from dsl.rules.review.known import known_of, short
from mandate.people.errors import RefusalError, UsageError
from mandate.work.review import schedule
from tests.fixtures.engine import Engine, failure_of


@pytest.fixture
def env(engine: Engine, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "src").mkdir()
    return {"TEMPORAL_ADDRESS": engine.settings.temporal, "MANDATE_WORKSPACE": str(tmp_path)}


async def test_there_is_one_schedule_for_a_folder_and_it_skips(engine: Engine, env):
    for every in ("1h", "2h"):
        assert await schedule._begin(env, "src", every, "") == 0
    handle = engine.client.get_schedule_handle(schedule.schedule_id("src"))
    found = (await handle.describe()).schedule
    assert await schedule._end(env, "src") == 0

    assert found.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert [each.every for each in found.spec.intervals] == [timedelta(hours=2)]
    with pytest.raises(RefusalError, match="no schedule"):
        await schedule._end(env, "src")


async def test_the_schedule_of_a_folder_that_is_gone_can_be_ended(engine: Engine, env, tmp_path):
    (tmp_path / "gone").mkdir()
    assert await schedule._begin(env, "gone", "1h", "") == 0
    (tmp_path / "gone").rmdir()

    assert await schedule._end(env, "gone") == 0
    with pytest.raises(RefusalError, match="no schedule"):
        await schedule._end(env, "gone")


async def test_checks_that_are_no_command_are_refused(env):
    with pytest.raises(UsageError, match="is no command"):
        await schedule._begin(env, "src", "1h", "'")


DELIVERED = {
    "watch": ("anomalies.json", "notes.json"),
    "suggest": ("suggestions.json", "suggestions.md"),
    **dict.fromkeys(("architect", "security", "reliability", "cost"), ("opinions.json",)),
}
CHILD_STARTED = "child_workflow_execution_started_event_attributes"
ONE, TWO = "1" * 32, "2" * 32


async def test_a_finding_that_was_answered_is_not_opened_again(engine: Engine, env):
    """First one finding; then the same; then another beside it: people hear of each once."""
    found: list[str] = [ONE]

    async def suggest(request: Any) -> dict[str, Any]:
        known = json.loads(request.input["known"])
        new = [each for each in found if short(each) not in known]
        rows = [{"id": f"break-cycle-{each[-12:]}", "risk": "high"} for each in new]
        return {"suggestions": rows, "known": known_of(known, found, new)}

    engine.runner.behaviours["suggest"] = suggest
    engine.runner.delivers.update(DELIVERED)
    assert await schedule._begin(env, "src", "1h", "") == 0
    of_schedule = engine.client.get_schedule_handle(schedule.schedule_id("src"))
    try:
        ended = await again(engine, of_schedule)
        opened = await engine.pending(run_of(engine, ended), "council")
        await of_schedule.trigger()  # while people are asked: skipped
        await seen(of_schedule, lambda info: info.num_actions_skipped_overlap == 1)
        await say(engine, ended, "reject")
        assert (await ended.result())["known"] == [short(ONE)]

        ended = await again(engine, of_schedule)
        quiet = await ended.result()  # nobody is asked

        found.append(TWO)
        ended = await again(engine, of_schedule)
        second = await engine.pending(run_of(engine, ended), "council")
        await say(engine, ended, "approve")
        known = (await ended.result())["known"]
    finally:
        assert await schedule._end(env, "src") == 0

    assert asked(opened) == [ONE[-12:]]
    assert quiet["known"] == [short(ONE)]
    assert asked(second) == [TWO[-12:]]
    assert known == [short(ONE), short(TWO)]


async def again(engine: Engine, of_schedule: ScheduleHandle) -> Any:
    """Have the schedule start another; return it, once its run has begun."""
    before = await seen(of_schedule, lambda info: not info.running_actions)
    await of_schedule.trigger()
    after = await seen(of_schedule, lambda info: info.num_actions > before.num_actions)
    started = after.recent_actions[-1].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    handle = engine.client.get_workflow_handle(started.workflow_id)
    engine.started.append(handle)
    async with asyncio.timeout(60):
        while True:
            events = [event async for event in handle.fetch_history_events()]
            if any(each.WhichOneof("attributes") == CHILD_STARTED for each in events):
                return handle
            await asyncio.sleep(0.1)


async def seen(of_schedule: ScheduleHandle, true: Callable[[ScheduleInfo], bool]) -> ScheduleInfo:
    """Wait until the schedule says so of itself."""
    async with asyncio.timeout(60):
        while not true(info := (await of_schedule.describe()).info):  # noqa: ASYNC110 - a server's
            await asyncio.sleep(0.1)
    return info


def run_of(engine: Engine, ended: Any) -> Any:
    return engine.client.get_workflow_handle(f"{ended.id}/run")


async def say(engine: Engine, ended: Any, decision: str) -> None:
    vote = {"gate": "council", "decision": decision, "voter": "team-lead"}
    await run_of(engine, ended).signal("vote", vote)


def asked(status: dict[str, Any]) -> list[str]:
    return [each["suggestion"][-12:] for each in status["waiting_for"][0]["decisions"]]


@pytest.mark.parametrize("said", [None, 7, {}, {"path": ""}, {"path": "src", "more": 1}], ids=str)
async def test_a_review_that_comes_again_refuses_what_it_cannot_read(engine: Engine, said: Any):
    handle = await engine.client.start_workflow(
        REVIEW_AGAIN_WORKFLOW, said, id=f"t-{uuid.uuid4()}", task_queue=QUEUE
    )

    assert (await failure_of(handle)).type == "InvalidPipeline"


@pytest.mark.parametrize(
    ("path", "every"), [("..", "1h"), ("nowhere", "1h"), ("src", "1s"), ("src", "often")]
)
async def test_what_cannot_be_reviewed_so_is_refused(env, path: str, every: str):
    with pytest.raises(UsageError):
        await schedule._begin(env, path, every, "")
