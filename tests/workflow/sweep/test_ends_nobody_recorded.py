"""Runs and stages that are terminated: the sweep puts their end on the ledger."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from activities.contracts import specs
from activities.sweep import closing
from dsl.limits import LEDGER_PAYLOAD_BYTES_MAX
from integrations.ledger.entries import Entry
from integrations.ledger.verify import TAIL_MAX, tail
from tests.fixtures.engine import Engine, gate, hang, pipeline, stage
from tests.fixtures.hostile.masks import masked, somebody
from tests.workflow.sweep.test_sweep import sweep


def ends(engine: Engine, workflow: str, action: str) -> list[Entry]:
    """Return who has said on the ledger that ``workflow`` is over."""
    return [
        entry
        for entry in tail(engine.settings.ledger, TAIL_MAX)
        if entry.action == action
        and workflow in (entry.workflow_id, entry.payload.get("of", {}).get("workflow"))
    ]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "GRACE_S", 0)


async def at_work(engine: Engine, **fields: Any) -> Any:
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look"), **fields))
    await engine.runner.until_running("look")
    return handle


@pytest.mark.usefixtures("at_once")
async def test_a_terminated_stage_is_ended_once_by_the_sweep_that_says_so(engine: Engine):
    handle = await at_work(engine)
    child = f"{handle.id}/look"
    await engine.cli("workflow", "terminate", "-w", child, "--reason", "it hangs \x1b[31m")
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert ends(engine, child, "agent.ended") == []

    first = await sweep(engine)
    await sweep(engine)

    assert first["ended"] >= 1
    (entry,) = ends(engine, child, "agent.ended")
    payload = entry.payload
    said = (payload["said_by"], payload["status"], payload["path"])
    assert said == ("sweep", "cancelled", "look")
    assert payload["engine"] == "terminated"
    assert "its workflow was seen terminated by " in payload["detail"]
    assert "it hangs ?" in payload["detail"]
    assert payload["of"]["workflow"] == child
    assert entry.workflow_id.startswith("sweep")
    assert len(ends(engine, handle.id, "run.ended")) == 1  # its own


@pytest.mark.usefixtures("at_once")
async def test_a_terminated_run_is_ended_and_its_stage_ends_itself(engine: Engine):
    handle = await at_work(engine)
    child = engine.client.get_workflow_handle(f"{handle.id}/look")
    await handle.terminate("out")
    with pytest.raises(WorkflowFailureError):
        await child.result()

    await sweep(engine)
    await sweep(engine)

    (of_run,) = ends(engine, handle.id, "run.ended")
    (of_stage,) = ends(engine, child.id, "agent.ended")
    assert of_run.payload["said_by"] == "sweep"
    assert "said_by" not in of_stage.payload


@pytest.mark.usefixtures("at_once")
async def test_what_is_at_work_and_what_has_ended_is_left_alone(engine: Engine):
    done = await engine.start(pipeline(stage("quick")))
    await done.result()
    waiting = await engine.start(pipeline(stage("quick"), gate("ok", requires=["quick"])))
    await engine.pending(waiting, "ok")

    await asyncio.gather(sweep(engine), sweep(engine))

    assert len(ends(engine, done.id, "run.ended")) == 1
    assert len(ends(engine, f"{done.id}/quick", "agent.ended")) == 1
    assert ends(engine, waiting.id, "run.ended") == []
    await waiting.signal("vote", {"gate": "ok", "decision": "approve", "voter": "ann"})
    await waiting.result()


async def test_an_end_of_a_moment_ago_may_still_be_on_its_way(engine: Engine):
    handle = await at_work(engine)
    await handle.terminate("out")

    await sweep(engine)

    assert ends(engine, handle.id, "run.ended") == []
    child = engine.client.get_workflow_handle(f"{handle.id}/look")
    await child.cancel()
    with pytest.raises(WorkflowFailureError):  # it has cleaned up before its history is replayed
        await child.result()


@pytest.mark.usefixtures("at_once")
async def test_a_forged_begin_keeps_no_other_end_from_being_recorded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """It fits onto the ledger by a hair, so its end, which says more, does not."""
    monkeypatch.setattr(closing, "FORGOTTEN_S", 0)
    handle = await at_work(engine)
    async with masked(engine) as other:
        who = await somebody(engine, other, {})
        run = await who.start("Pipeline")
        of = {"workflow": f"{run.id}/forged", "run": "none"}
        path = "x" * (LEDGER_PAYLOAD_BYTES_MAX - 150)
        begin = {
            "action": "agent.intended",
            "agent": who.agent,
            "payload": {"path": path, "of": of},
        }
        begun = await who.send(run, specs.record.name, {"entries": [begin]})
        await handle.terminate("out")

        await sweep(engine)

        end = {
            "action": "agent.ended",
            "agent": who.agent,
            "payload": {"status": "failed", "of": of},
        }
        await who.send(run, specs.record.name, {"entries": [end]})

    assert begun["first"] == begun["last"]
    assert len(ends(engine, handle.id, "run.ended")) == 1
