"""The order of stages: requires, parallel, condition, failure, cancellation, limits, pause."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import TimeSkipper

from tests.fixtures.engine import Engine, fail, failure_of, gate, hang, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.trust.standing import activities_of
from workflows.gates.gate_board import GateBoard


def branches(*names: str, requires=(), **config):
    return {
        "name": "both",
        "type": "parallel",
        "requires": list(requires),
        "config": config,
        "branches": [{"name": f"b-{name}", "stages": [stage(name)]} for name in names],
    }


async def test_a_stage_starts_only_when_all_it_requires_have_completed(engine: Engine):
    order: list[str] = []

    async def note(request):
        order.append(request.stage)
        return {}

    for name in ("a", "b", "c"):
        engine.runner.behaviours[name] = note
    handle = await engine.start(
        pipeline(stage("c", requires=["a", "b"]), stage("b", requires=["a"]), stage("a"))
    )
    await handle.result()

    assert order == ["a", "b", "c"]


async def test_stages_that_wait_for_nothing_run_side_by_side(engine: Engine):
    engine.runner.behaviours |= {"a": hang, "b": hang}
    handle = await engine.start(pipeline(stage("a"), stage("b")))
    await engine.runner.until_running("a", "b")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()

    assert isinstance(caught.value.cause, CancelledError)


async def test_a_failure_cancels_running_siblings_and_skips_the_rest(engine: Engine):
    engine.runner.behaviours["slow"] = hang

    async def fail_when_slow_runs(request):
        await engine.runner.until_running("slow")
        return await fail(request)

    engine.runner.behaviours["bad"] = fail_when_slow_runs
    handle = await engine.start(
        pipeline(stage("slow"), stage("bad"), stage("after", requires=["slow"]))
    )
    failure = await failure_of(handle)
    [report] = failure.details
    stages = {path: row["status"] for path, row in report["stages"].items()}

    assert failure.type == "StageFailed"
    assert "bad" in failure.message
    assert stages == {"slow": "cancelled", "bad": "failed", "after": "skipped"}
    assert engine.runner.running == set()


async def test_join_any_completes_with_the_first_branch_and_cancels_the_others(engine: Engine):
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(branches("quick", "slow", join="any")))
    report = await handle.result()

    assert report["stages"]["both"]["status"] == "completed"
    assert report["stages"]["both/b-slow/slow"]["status"] == "cancelled"


async def test_on_failure_continue_lets_the_other_branches_finish(engine: Engine):
    engine.runner.behaviours["bad"] = fail
    handle = await engine.start(pipeline(branches("bad", "good", on_failure="continue")))
    [report] = (await failure_of(handle)).details

    assert report["stages"]["both/b-good/good"]["status"] == "completed"
    assert report["stages"]["both"]["status"] == "failed"


async def test_join_any_with_continue_survives_a_failed_branch(engine: Engine):
    engine.runner.behaviours["bad"] = fail
    handle = await engine.start(
        pipeline(branches("bad", "good", join="any", on_failure="continue"))
    )

    assert (await handle.result())["stages"]["both"]["status"] == "completed"


@pytest.mark.parametrize(("environment", "taken"), [("production", "deep"), ("staging", "light")])
async def test_a_condition_runs_one_list_and_skips_the_other(
    engine: Engine, environment: str, taken: str
):
    document = pipeline(
        stage("look"),
        {
            "name": "route",
            "type": "condition",
            "requires": ["look"],
            "if": 'inputs.environment == "production" && stages.look.status == "completed"',
            "then": [stage("deep")],
            "else": [stage("light")],
        },
        inputs={"environment": {"type": "string", "enum": ["staging", "production"]}},
    )
    report = await (await engine.start(document, inputs={"environment": environment})).result()
    stages = {path: row["status"] for path, row in report["stages"].items()}

    assert stages[f"route/{taken}"] == "completed"
    assert sorted(stages.values()).count("skipped") == 1


async def test_agent_inputs_take_values_of_inputs_and_earlier_stages(engine: Engine):
    async def count(_request):
        return {"files": 7}

    engine.runner.behaviours["first"] = count
    document = pipeline(
        stage("first"),
        stage(
            "second",
            requires=["first"],
            config={
                "inputs": {
                    "path": "${{ inputs.folder }}/src",
                    "max_files": "${{ stages.first.output.files }}",
                }
            },
        ),
        inputs={"folder": {"type": "string"}},
    )
    await (await engine.start(document, inputs={"folder": "app"})).result()
    second = next(r for r in engine.runner.requests[::-1] if r.stage == "second")

    assert second.input["path"] == "app/src"
    assert second.input["max_files"] == 7


async def test_the_time_limit_of_the_run_stops_everything(engine: Engine):
    handle = await engine.start(pipeline(gate("review"), timeout="10m"))
    await engine.pending(handle, "review")
    await TimeSkipper(engine.client).fast_forward(handle, timedelta(minutes=10, seconds=1))
    failure = await failure_of(handle)

    assert failure.type == "TimedOut"
    assert "10m" in failure.message


async def test_paused_nothing_new_starts_until_resumed(engine: Engine):
    released = asyncio.Event()

    async def wait(_request):
        await released.wait()
        return {}

    engine.runner.behaviours["first"] = wait
    handle = await engine.start(pipeline(stage("first"), stage("second", requires=["first"])))
    await engine.runner.until_running("first")
    await engine.cli("workflow", "signal", "-w", handle.id, "--name", "pause")
    await engine.until(handle, lambda s: s["paused"])
    released.set()
    await engine.until(handle, lambda s: s["stages"]["first"]["status"] == "completed")
    status = await handle.query("status")
    await engine.cli("workflow", "signal", "-w", handle.id, "--name", "resume")

    assert status["stages"]["second"]["status"] == "pending"
    assert (await handle.result())["status"] == "completed"


async def test_a_cancelled_run_records_its_end(engine: Engine):
    engine.runner.behaviours["slow"] = hang
    handle = await engine.start(pipeline(stage("slow")))
    await engine.runner.until_running("slow")
    code, said = await engine.cli("workflow", "cancel", "-w", handle.id)
    assert code == 0, said
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    names = await activities_of(engine, f"{handle.id}/slow")

    assert isinstance(caught.value.cause, CancelledError)
    assert "slow/EXIT#1" in names


async def test_twenty_runs_of_one_pipeline_at_once(engine: Engine):
    document = pipeline(stage("a"), stage("b", requires=["a"]))
    handles = [await engine.start(document) for _ in range(20)]
    reports = await asyncio.gather(*(handle.result() for handle in handles))

    assert [report["status"] for report in reports] == ["completed"] * 20


async def test_a_cancel_during_the_clean_up_after_a_time_limit_waits_for_it(engine: Engine):
    is_stopping, may_stop = asyncio.Event(), asyncio.Event()

    async def stops_slowly(_request):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_stopping.set()
            await may_stop.wait()
            raise
        return {}

    engine.runner.behaviours["slow"] = stops_slowly
    handle = await engine.start(pipeline(stage("slow"), timeout="3s"))
    async with asyncio.timeout(60):
        await is_stopping.wait()  # the limit has passed
    await handle.cancel()
    await handle.query("status")  # answered when the run has heard of it
    may_stop.set()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    actions = [
        e.action for e in told_by(engine.settings.ledger, handle.id) if e.workflow_id == handle.id
    ]

    assert engine.runner.running == set()
    assert actions[-1] == "run.ended"


async def test_a_bug_never_counts_as_a_stage_that_completed(engine: Engine, monkeypatch):
    async def bug(*_arguments):
        raise KeyError("a bug")

    monkeypatch.setattr(GateBoard, "decide", bug)
    document = pipeline(
        {"name": "c", "type": "condition", "if": "true", "then": [gate("boom")]},
        stage("after", requires=["c"]),
    )
    handle = await engine.client.start_workflow(
        "Pipeline", document, id=f"t-{uuid.uuid4()}", task_queue="mandate"
    )
    async with asyncio.timeout(60):
        while not await _has_failed_task(engine, handle):  # noqa: ASYNC110  # only asking tells
            await asyncio.sleep(0.1)
    state = await handle.describe()
    await handle.terminate()

    assert state.status is WorkflowExecutionStatus.RUNNING
    assert not any(request.stage == "after" for request in engine.runner.requests[-5:])


async def _has_failed_task(engine: Engine, handle) -> bool:
    events = await engine.events(handle)
    return any(event.HasField("workflow_task_failed_event_attributes") for event in events)
