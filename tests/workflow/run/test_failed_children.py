"""A stage that did not complete is a failed workflow in lists, and says how it ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from activities.contracts.messages import AgentReport
from tests.fixtures.engine import Engine, fail, failure_of, gate, hang, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from workflows.lifecycle import exit as leaving


def child_of(engine: Engine, run: WorkflowHandle[Any, Any], path: str) -> WorkflowHandle[Any, Any]:
    return engine.client.get_workflow_handle(f"{run.id}/{path}")


async def said_by(child: WorkflowHandle[Any, Any]) -> tuple[ApplicationError, AgentReport]:
    """Return what a child has failed with, and the report in it."""
    failure = await failure_of(child)
    return failure, AgentReport.model_validate(*failure.details)


async def status_of(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionStatus | None:
    return (await handle.describe()).status


@pytest.mark.parametrize(
    ("behaviour", "config", "kind", "told_as"),
    [
        (
            *(fail, {"retry": 1}, "StageFailed"),
            ("failed", 2, "failed: the agent says its work failed (2 tries)"),
        ),
        (hang, {"timeout": "1s"}, "TimedOut", ("failed", 1, "not finished within 1s")),
    ],
    ids=["it says so", "too slow"],
)
async def test_a_stage_that_failed_is_a_failed_child_with_its_report(
    engine: Engine,
    behaviour: Any,
    config: dict[str, Any],
    kind: str,
    told_as: tuple[str, int, str],
):
    engine.runner.behaviours["bad"] = behaviour
    handle = await engine.start(
        pipeline(stage("good"), stage("bad", requires=["good"], config=config))
    )
    ended = await failure_of(handle)
    failure, report = await said_by(child_of(engine, handle, "bad"))
    row = ended.details[0]["stages"]["bad"]

    assert await status_of(child_of(engine, handle, "good")) is WorkflowExecutionStatus.COMPLETED
    assert (failure.type, failure.message, ended.type) == (kind, report.detail, kind)
    assert (report.status, report.attempts, report.detail) == told_as
    assert (row["status"], row["attempts"], row["detail"]) == told_as
    assert report.ledger is not None
    assert report.unrecorded == ()


async def test_an_agent_that_was_stopped_is_a_failed_child(engine: Engine):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    await handle.signal("revoke", {"stage": "look", "reason": "enough"})
    failure, report = await said_by(child_of(engine, handle, "look"))

    assert (failure.type, report.status) == ("Revoked", "revoked")
    assert (await failure_of(handle)).type == "Revoked"


async def test_a_stage_that_was_cancelled_is_a_cancelled_child(engine: Engine):
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(stage("slow")))
    await engine.runner.until_running("slow")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert await status_of(child_of(engine, handle, "slow")) is WorkflowExecutionStatus.CANCELED


@pytest.mark.parametrize("reset", [("",), ("", "/slow")], ids=["its run", "its run and itself"])
async def test_a_stage_at_work_beside_a_reset_is_cancelled_with_its_run(
    engine: Engine, reset: tuple[str, ...]
):
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(stage("slow")))
    await engine.runner.until_running("slow")
    for of in reset:
        code, said = await engine.cli(
            *("workflow", "reset", "-w", f"{handle.id}{of}", "--type", "LastWorkflowTask"),
            *("--reason", "again"),
        )
        assert code == 0, said
    again, slow = engine.adopt(handle.id), child_of(engine, handle, "slow")
    begun = (await slow.describe()).run_id
    await engine.runner.until_running("slow")
    await again.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(WorkflowFailureError):
            await again.result()
    ended = await slow.describe()

    assert (ended.run_id, ended.status) == (begun, WorkflowExecutionStatus.CANCELED)
    assert "slow" not in engine.runner.running


async def test_what_a_cancelled_child_could_not_record_is_recorded_by_its_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leaving, "CLEANING", timedelta(seconds=2))
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(stage("slow"), gate("ok")))
    await engine.pending(handle, "ok")
    await engine.runner.until_running("slow")
    path = engine.settings.ledger
    away = path.with_name("away.db")
    path.rename(away)
    try:
        await handle.cancel()
        failure, report = await said_by(child_of(engine, handle, "slow"))
    finally:
        away.rename(path)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    ours = told_by(path, handle.id)

    assert failure.type == "NotRecorded"
    assert "facts are not on the ledger yet" in failure.message
    assert {"agent.ended"} <= {each.action for each in report.unrecorded}
    assert {each.action for each in ours} >= {"agent.ended", "run.ended"}
    assert await status_of(handle) is WorkflowExecutionStatus.CANCELED
