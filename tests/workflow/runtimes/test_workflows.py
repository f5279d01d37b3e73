"""A workflow of somebody else's does the work of an agent stage, on a task queue of its own."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError

from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.outside.worker import QUEUE, OutsideActivity
from tests.fixtures.trust.standing import told
from tests.integration.stack.probes import eventually

WORKFLOW = "workflow 'OutsideAgent' of task queue 'outside-agents'"


def outside_stage(do: str = "", **config: Any) -> dict[str, Any]:
    inputs = {"do": do, **config.pop("inputs", {})}
    return stage("work", template="outside-workflow", config={"inputs": inputs, **config})


async def until_at_work(engine: Engine, run: Any) -> Any:
    """Wait until the body of the stage has begun; return its workflow."""
    body = engine.client.get_workflow_handle(f"{run.id}/work/EXECUTE")

    async def has_begun() -> bool:
        try:
            return (await body.describe()).history_length > 3
        except RPCError:  # it is not there yet
            return False

    await eventually(has_begun, within_s=60)
    return body


async def test_what_it_answers_is_what_the_stage_has_put_out(
    engine: Engine, outside: OutsideActivity
):
    handle = await engine.start(pipeline(outside_stage()))
    work = (await handle.result())["stages"]["work"]
    body = await engine.child(handle, "work/EXECUTE")
    described = await body.describe()

    assert work["output"]["attempt"] == 1
    assert work["output"]["fence"] > 0
    assert work["detail"] == f"done by {WORKFLOW}, in no sandbox"
    assert (described.workflow_type, described.task_queue) == ("OutsideAgent", QUEUE)
    assert described.parent_id == f"{handle.id}/work"
    [intended] = told(engine, handle, "agent.intended")
    assert intended.payload["runtime"]["kind"] == "workflow"


async def test_its_failure_is_its_tries_failure(engine: Engine, outside: OutsideActivity):
    handle = await engine.start(pipeline(outside_stage("fail", retry=1)))
    failure = await failure_of(handle)

    assert "its workflow 'OutsideAgent' failed: Impossible: it cannot be done (2 tries)" in (
        failure.message
    )


async def test_an_answer_that_is_none_fails_the_try(engine: Engine, outside: OutsideActivity):
    run = await engine.start(pipeline(outside_stage("say", inputs={"what": "all good"})))
    failure = await failure_of(run)

    assert "its answer is text and no result" in failure.message


@pytest.mark.parametrize("way", ["cancel", "revoke"])
async def test_cancel_and_revoke_reach_it(engine: Engine, outside: OutsideActivity, way: str):
    handle = await engine.start(pipeline(outside_stage("hang")))
    body = await until_at_work(engine, handle)
    child = await engine.child(handle, "work")
    if way == "cancel":
        await handle.cancel()
    else:
        await handle.signal("revoke", {"stage": "work", "reason": "it reads too much"})
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    ended = (await child.describe()).status

    assert (await body.describe()).status is WorkflowExecutionStatus.CANCELED
    assert ended in (WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.FAILED)


async def test_a_deaf_one_is_terminated_with_the_stage(
    engine: Engine, outside: OutsideActivity, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workflows.lifecycle.delegated_phase.WORKFLOW_STOP_MS", 1_000)
    handle = await engine.start(pipeline(outside_stage("deaf")))
    body = await until_at_work(engine, handle)
    await handle.signal("revoke", {"stage": "work", "reason": "it reads too much"})
    failure = await failure_of(handle)

    async def is_terminated() -> bool:
        return (await body.describe()).status is WorkflowExecutionStatus.TERMINATED

    await eventually(is_terminated)
    assert f"{WORKFLOW} did not end within 1s" in failure.details[0]["stages"]["work"]["detail"]


async def test_one_that_somebody_terminates_has_failed(engine: Engine, outside: OutsideActivity):
    handle = await engine.start(pipeline(outside_stage("hang")))
    body = await until_at_work(engine, handle)
    await body.terminate()
    failure = await failure_of(handle)

    assert "its workflow 'OutsideAgent' was terminated by somebody" in failure.message


async def test_a_stranger_under_its_id_fails_the_stage(engine: Engine, outside: OutsideActivity):
    run_id = "t-squatted-body"
    stranger = await engine.client.start_workflow(
        "Anything", id=f"{run_id}/work/EXECUTE", task_queue="nobody-serves-this"
    )
    document = pipeline(outside_stage())
    run = await engine.client.start_workflow(
        "Pipeline", {"definition": document}, id=run_id, task_queue="mandate"
    )
    failure = await failure_of(run)
    await stranger.terminate()

    assert "which is no stage of this run" in failure.message
