"""What stages have put out is found however they ended, and only of stages."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowFailureError

from mandate.people.errors import RefusalError
from mandate.people.outputs import outputs_of
from tests.fixtures.engine import Engine, fail, gate, hang, pipeline, stage

BEFORE_EXECUTE = ("admission.json", "preflight.json", "plan.json")


async def names_of(engine: Engine, run: str) -> tuple[str, ...]:
    found = await outputs_of(engine.client, f"{run}/look")
    assert (found.run, found.stage) == (run, "look")
    return tuple(each.name for each in found.outputs)


async def test_what_a_stage_that_failed_has_put_out_is_found(engine: Engine):
    engine.runner.behaviours["look"] = fail
    handle = await engine.start(pipeline(stage("look")))
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert (await names_of(engine, handle.id))[:3] == BEFORE_EXECUTE


async def test_what_a_stage_under_way_or_cancelled_has_put_out_is_found(engine: Engine):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    assert await names_of(engine, handle.id) == BEFORE_EXECUTE
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert (await names_of(engine, handle.id))[:3] == BEFORE_EXECUTE


async def test_a_workflow_that_no_run_started_is_no_stage(engine: Engine):
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    for place, why in (
        (handle.id, "no stage of a run"),
        (f"{handle.id}/review", "there is no stage"),
    ):
        with pytest.raises(RefusalError, match=why):
            await outputs_of(engine.client, place)
    await handle.cancel()
