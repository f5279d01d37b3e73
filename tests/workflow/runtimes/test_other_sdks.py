"""Agents on other SDKs: an activity in TypeScript, and a workflow that an SDK for agents has made.

Real workers, each a process with nothing of Mandate in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError

from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.outside.processes import (
    MODEL_AGENT,
    TYPESCRIPT,
    needs_pydantic_ai,
    needs_typescript,
    outside_worker,
)
from tests.fixtures.trust.standing import told
from tests.integration.stack.probes import eventually

Process = asyncio.subprocess.Process


@pytest_asyncio.fixture(scope="module")
async def typescript(running_engine: Engine) -> AsyncIterator[Process]:
    address = running_engine.settings.temporal
    async with outside_worker(TYPESCRIPT, address, "agents-ts") as process:
        yield process


def triage(do: str = "", template: str = "outside-typescript", **config: Any) -> dict[str, Any]:
    inputs = {"do": do, **config.pop("inputs", {})}
    return stage("triage", template=template, config={"inputs": inputs, **config})


async def until_begun(engine: Engine, run: Any, activity: str = "triageAlerts") -> None:
    """Wait until a worker has taken the activity of the stage."""
    child = engine.client.get_workflow_handle(f"{run.id}/triage")

    async def is_begun() -> bool:
        try:
            described = (await child.describe()).raw_description
        except RPCError:  # it is not there yet
            return False
        return any(
            each.activity_type.name == activity and each.HasField("last_started_time")
            for each in described.pending_activities
        )

    await eventually(is_begun, within_s=60)


@needs_typescript
async def test_an_activity_in_typescript_does_the_work(engine: Engine, typescript: Process):
    handle = await engine.start(pipeline(triage()))
    work = (await handle.result())["stages"]["triage"]

    assert work["output"].items() >= {("alerts", 2), ("secrets", 0)}
    assert work["output"]["fence"] > 0
    assert work["detail"] == (
        "done by activity 'triageAlerts' of task queue 'agents-ts', in no sandbox"
    )


@needs_typescript
async def test_it_hears_that_its_agent_was_revoked(engine: Engine, typescript: Process):
    handle = await engine.start(pipeline(triage("hang")))
    await until_begun(engine, handle)
    await handle.signal("revoke", {"stage": "triage", "reason": "it reads too much"})
    failure = await failure_of(handle)
    [ended] = told(engine, handle, "agent.ended")

    assert failure.type == "Revoked"
    assert "unstopped" not in ended.payload


@needs_typescript
async def test_it_hears_that_its_run_was_cancelled(engine: Engine, typescript: Process):
    handle = await engine.start(pipeline(triage("hang")))
    await until_begun(engine, handle)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    [ended] = told(engine, handle, "agent.ended")

    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert "unstopped" not in ended.payload


@needs_typescript
@pytest.mark.parametrize(
    ("do", "why"),
    [
        ("garbage", "its answer is text and no result"),
        ("fail", "failed: Error: the alerts cannot be read"),
    ],
)
async def test_what_it_answers_wrongly_is_said(
    engine: Engine, typescript: Process, do: str, why: str
):
    failure = await failure_of(await engine.start(pipeline(triage(do))))

    assert why in failure.message


@needs_typescript
async def test_a_worker_that_is_killed_at_work_is_a_failed_try(engine: Engine):
    handle = await engine.start(pipeline(triage("hang", "outside-killed", retry=1)))
    address = engine.settings.temporal
    async with outside_worker(TYPESCRIPT, address, "agents-to-be-killed") as first:
        await until_begun(engine, handle)
        first.kill()
    async with outside_worker(TYPESCRIPT, address, "agents-to-be-killed"):
        child = await engine.child(handle, "triage")

        async def is_tried_again() -> bool:
            return int((await child.query("status"))["attempts"]) == 2

        await eventually(is_tried_again, within_s=60)
        await until_begun(engine, handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    [retried] = told(engine, handle, "agent.retried")

    assert "gave no sign of life for 2s: its worker is gone" in retried.payload["because"]


@needs_pydantic_ai
async def test_a_model_agent_that_is_a_workflow_outlives_its_worker(engine: Engine, tmp_path: Path):
    busy = tmp_path / "busy"
    busy.touch()
    inputs = {"busy": str(busy)}
    handle = await engine.start(pipeline(triage(template="outside-model", inputs=inputs)))
    body = engine.client.get_workflow_handle(f"{handle.id}/triage/EXECUTE")

    async def thinks() -> bool:
        try:
            described = (await body.describe()).raw_description
        except RPCError:  # it is not there yet
            return False
        return described.workflow_execution_info.history_length > 15 and any(
            each.HasField("last_started_time") for each in described.pending_activities
        )

    address = engine.settings.temporal
    async with outside_worker(MODEL_AGENT, address, "agents-of-a-model") as first:
        await eventually(thinks, within_s=60)
        first.kill()
    busy.unlink()
    async with outside_worker(MODEL_AGENT, address, "agents-of-a-model"):
        work = (await handle.result())["stages"]["triage"]

    assert work["output"] == {"said": "6 alerts", "attempt": 1}
    assert work["attempts"] == 1


@needs_pydantic_ai
async def test_a_model_agent_is_stopped_with_its_agent(engine: Engine, tmp_path: Path):
    busy = tmp_path / "busy"
    busy.touch()
    address = engine.settings.temporal
    async with outside_worker(MODEL_AGENT, address, "agents-of-a-model"):
        inputs = {"busy": str(busy)}
        handle = await engine.start(pipeline(triage(template="outside-model", inputs=inputs)))
        body = engine.client.get_workflow_handle(f"{handle.id}/triage/EXECUTE")

        async def has_begun() -> bool:
            try:
                return (await body.describe()).history_length > 5
            except RPCError:  # it is not there yet
                return False

        await eventually(has_begun, within_s=60)
        await handle.signal("revoke", {"stage": "triage", "reason": "it reads too much"})
        failure = await failure_of(handle)

    assert failure.type == "Revoked"
    assert (await body.describe()).status is not WorkflowExecutionStatus.RUNNING
