"""An operator at the activities of a stage: what the Temporal CLI can do to a program at work."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine, failure_of, hang, pipeline, stage


async def at_work(engine: Engine, **fields: Any) -> Any:
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look", **fields)))
    await engine.runner.until_running("look")
    return handle


async def by_hand(engine: Engine, handle: Any, verb: str, *options: str) -> None:
    """Use the CLI on what is pending in the stage."""
    child = engine.client.get_workflow_handle(f"{handle.id}/look")
    (pending,) = (await child.describe()).raw_description.pending_activities
    code, said = await engine.cli(
        "activity", verb, "--activity-id", pending.activity_id, "-w", child.id, *options
    )
    assert code == 0, said


def starts(engine: Engine, handle: Any) -> int:
    """Return how often the program of the stage was started."""
    return sum(
        each.run == f"{handle.id}/look" and each.phase == "EXECUTE"
        for each in engine.runner.requests
    )


@pytest.mark.parametrize("verb", ["reset", "pause"])
async def test_a_program_at_work_is_not_started_again_by_hand(engine: Engine, verb: str):
    handle = await at_work(engine)
    await by_hand(engine, handle, verb)
    error = await failure_of(handle)

    assert error.type == "StageFailed"
    assert f"its program was stopped at work by `temporal activity {verb}`" in error.message
    assert starts(engine, handle) == 1


async def test_the_stages_own_retry_says_whether_there_is_another_try(engine: Engine):
    handle = await at_work(engine, config={"retry": 1})

    async def at_once(_request: Request) -> dict[str, Any]:
        return {}

    engine.runner.behaviours["look"] = at_once
    await by_hand(engine, handle, "reset")
    report = await handle.result()

    assert report["stages"]["look"]["attempts"] == 2
    assert starts(engine, handle) == 2


async def test_other_options_leave_a_program_at_work_alone(engine: Engine):
    done = asyncio.Event()

    async def wait(_request: Request) -> dict[str, Any]:
        await done.wait()
        return {}

    engine.runner.behaviours["look"] = wait
    handle = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    await by_hand(engine, handle, "update-options", "--retry-maximum-attempts", "5")
    done.set()

    assert (await handle.result())["status"] == "completed"
    assert starts(engine, handle) == 1


async def test_a_cancel_is_still_a_cancel(engine: Engine):
    handle = await at_work(engine)
    await engine.client.get_workflow_handle(f"{handle.id}/look").cancel()
    error = await failure_of(handle)

    assert "its workflow was cancelled" in error.message
    assert starts(engine, handle) == 1
