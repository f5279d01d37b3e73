"""Floods of messages: what a run keeps of junk is bounded, and an end by its size is recorded.

No signal can be refused by the run it is sent to, and each stays in its history: 2 MiB is the most
the server takes of one, 50 MiB of all. Beyond that it terminates the run.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.sweep import closing
from dsl.limits import MESSAGE_BYTES_MAX, MESSAGE_LENGTH_MAX, MESSAGES_KEPT_MAX
from tests.fixtures.engine import Engine, after_look, gate, pipeline, stage
from tests.workflow.sweep.test_ends_nobody_recorded import ends
from tests.workflow.sweep.test_sweep import sweep

HISTORY_BYTES = 50 << 20  # limit.historySize.error, as the server has it by default
ENVELOPE_BYTES = 1_000  # more than what a signal has around its input
LARGE = "x" * (MESSAGE_BYTES_MAX - ENVELOPE_BYTES)
BEYOND = 5  # messages that are let in before the server acts on the size
TOO_LARGE = "Workflow history size exceeds limit."
ANN: dict[str, Any] = {"decision": "approve", "voter": "ann"}


async def flood(handle: WorkflowHandle[Any, Any]) -> None:
    for _ in range(HISTORY_BYTES // len(LARGE) + BEYOND):
        await handle.signal("vote", LARGE)


@pytest.mark.parametrize("name", ["vote", "revoke", "n" * 900])
async def test_what_a_run_keeps_of_junk_is_bounded(engine: Engine, name: str):
    more = 10
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    junk = [f"{number}{'?' * 5_000}" for number in range(MESSAGES_KEPT_MAX + more)]
    await asyncio.gather(*(handle.signal(name, each) for each in junk))
    status = await engine.until(handle, lambda s: s["void_messages_dropped"] == more)
    await handle.signal("vote", {"gate": "review", **ANN})
    report = await handle.result()

    kept = status["void_messages"]
    assert len(kept) == MESSAGES_KEPT_MAX
    assert max(len(text) for each in kept for text in each.values()) <= MESSAGE_LENGTH_MAX
    assert [row["votes"] for row in status["waiting_for"]] == [0]
    assert report["status"] == "completed"


async def test_the_server_takes_no_larger_message_than_we_say(engine: Engine):
    handle = await engine.start(pipeline(gate("review")))
    await engine.pending(handle, "review")
    with pytest.raises(RPCError, match="Blob data size exceeds limit") as refused:
        await handle.signal("vote", "x" * MESSAGE_BYTES_MAX)
    await handle.signal("vote", {"gate": "review", **ANN})

    assert refused.value.status is RPCStatusCode.INVALID_ARGUMENT
    assert (await handle.result())["status"] == "completed"


async def test_a_run_that_is_flooded_approves_nothing_and_its_end_is_recorded(
    monkeypatch: pytest.MonkeyPatch, engine: Engine
):
    monkeypatch.setattr(closing, "GRACE_S", 0)
    behind = stage("act", requires=["review"])
    handle = await engine.start(after_look(gate("review"), behind))
    await engine.pending(handle, "review")
    with pytest.raises(RPCError) as refused:
        await flood(handle)
    seen = await handle.describe()
    await sweep(engine)
    await sweep(engine)

    # Which of the two it is depends on whether the server has ended the run by itself before.
    assert TOO_LARGE in str(refused.value) or refused.value.status is RPCStatusCode.NOT_FOUND
    size = seen.raw_description.workflow_execution_info.history_size_bytes
    assert HISTORY_BYTES < size < HISTORY_BYTES + BEYOND * MESSAGE_BYTES_MAX
    assert seen.status is WorkflowExecutionStatus.TERMINATED
    assert f"{handle.id}/act" not in {request.run for request in engine.runner.requests}
    (end,) = ends(engine, handle.id, "run.ended")
    said = (end.payload["said_by"], end.payload["status"], end.payload["engine"])
    assert said == ("sweep", "cancelled", "terminated")
    assert f"by history-service: {TOO_LARGE}" in end.payload["detail"]
    assert len(json.dumps(end.payload)) < ENVELOPE_BYTES  # nothing of the flood
    engine.started.clear()  # too large to be replayed in a test
