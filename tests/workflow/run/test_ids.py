"""Ids that grow with what others choose: a run's own, and those made from it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dsl.limits import PATH_LENGTH_MAX, WORKFLOW_ID_BYTES_MAX
from tests.fixtures.engine import Engine, failure_of, gate, pipeline, stage
from tests.fixtures.servers.openbao import OpenBao

CHILD = "/look"


async def start(engine: Engine, definition: dict[str, Any], workflow_id: str) -> Any:
    value = {"definition": definition, "inputs": {}}
    handle = await engine.client.start_workflow(
        "Pipeline", value, id=workflow_id, task_queue="mandate"
    )
    engine.started.append(handle)
    return handle


def id_of(size: int, letter: str = "x") -> str:
    """Return an id of ``size`` bytes, for one time."""
    begin = f"{uuid.uuid4()}-"
    room = size - len(begin)
    wide, narrow = divmod(room, len(letter.encode()))
    return begin + letter * wide + "x" * narrow


@pytest.mark.parametrize("letter", ["x", "ä", "💥", "/", " ", "\n", "\x01", "|"])
async def test_the_longest_id_that_leaves_room_for_a_stage_takes_a_run_to_its_end(
    engine: Engine, openbao: OpenBao, letter: str
):
    run_id = id_of(WORKFLOW_ID_BYTES_MAX - len(CHILD), letter)
    openbao.as_root("POST", "kv-shared/data/docs/ids", data={"key": "value-of-this-key"})
    look = stage("look", config={"secrets": {"KEY": "kv-shared/docs/ids#key"}})
    handle = await start(engine, pipeline(look, gate("ok", requires=["look"])), run_id)
    await engine.pending(handle, "ok")
    await handle.signal("vote", {"gate": "ok", "decision": "approve", "voter": "ann"})
    report = await handle.result()

    assert report["status"] == "completed"
    assert report["not_recorded"] == 0


@pytest.mark.parametrize("letter", ["x", "ä", "💥"])
async def test_a_byte_more_is_refused_before_anything_starts(engine: Engine, letter: str):
    run_id = id_of(WORKFLOW_ID_BYTES_MAX - len(CHILD) + 1, letter)
    handle = await start(engine, pipeline(stage("l"), stage("look")), run_id)
    error = await failure_of(handle)

    assert error.type == "InvalidPipeline"
    assert "the id of the run has 996 bytes, and with its longest stage, 'look'" in error.message
    assert "Start it under an id of at most 995 bytes" in error.message
    events = await engine.events(handle)
    assert not any(
        event.HasField("start_child_workflow_execution_initiated_event_attributes")
        or event.HasField("activity_task_scheduled_event_attributes")
        for event in events
    )


async def test_an_id_that_no_record_can_name_is_refused(engine: Engine):
    handle = await start(engine, pipeline(stage("look")), f"{uuid.uuid4()}\x00x")

    assert "holds a NUL character" in (await failure_of(handle)).message


async def test_a_run_of_gates_alone_may_have_the_longest_id(engine: Engine):
    handle = await start(engine, pipeline(gate("ok")), id_of(WORKFLOW_ID_BYTES_MAX))
    await engine.pending(handle, "ok")
    await handle.signal("vote", {"gate": "ok", "decision": "approve", "voter": "ann"})

    assert (await handle.result())["status"] == "completed"


async def test_the_longest_path_takes_gate_and_agent_to_their_end(engine: Engine):
    """Activities of a stage are named after its path, and may have no longer ids than a run."""
    name = "n" * 63
    inner = [stage("n" * 52, agent="an-agent"), gate("g" * 52, requires=["n" * 52])]
    for _ in range(7):
        inner = [{"name": name, "type": "condition", "if": "true", "then": inner}]
    longest = "/".join([name] * 7 + ["n" * 52])
    assert len(longest) == PATH_LENGTH_MAX
    handle = await start(engine, pipeline(*inner), id_of(WORKFLOW_ID_BYTES_MAX - 501))
    (row,) = (await engine.until(handle, lambda s: bool(s["waiting_for"])))["waiting_for"]
    await handle.signal("vote", {"gate": row["gate"], "decision": "approve", "voter": "ann"})

    assert (await handle.result())["status"] == "completed"
