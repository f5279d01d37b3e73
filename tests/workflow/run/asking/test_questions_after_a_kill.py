"""``kill -9`` of the worker at work, and again while people think: the agent goes on, once."""

from __future__ import annotations

import pytest

from tests.fixtures.servers.doomed import Doomed

ASKS = {"approvers": ["ann"], "identity": ["claimed"]}
GATE = "work/question-1"


async def test_a_worker_killed_at_work_and_while_people_think_costs_no_step_and_no_question(
    doomed: Doomed,
):
    async with doomed.worker():
        handle = await doomed.start("asks", questions=ASKS)
        await doomed.until_seen()
    async with doomed.worker():
        await doomed.until_asked(2)
        await doomed.engine.pending(handle, GATE)
    vote = {"gate": GATE, "decision": "approve", "voter": "ann", "answer": "eu"}
    await handle.signal("vote", vote)  # nobody serves
    async with doomed.worker():
        report = await handle.result()

    assert doomed.told("checkpoint", "answers", "attempt") == [
        {"checkpoint": None, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 1}}, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 2}}, "answers": {"region": "eu"}, "attempt": 1},
    ]
    assert report["stages"]["work"]["output"] == {"region": "eu"}
    assert [each["gate"] for each in report["approvals"]] == ["work/question-1"]


@pytest.mark.parametrize("answered", ["before another serves", "after"])
async def test_a_worker_killed_while_its_agent_waits_costs_no_step_and_no_question(
    doomed: Doomed, answered: str
):
    vote = {"gate": GATE, "decision": "approve", "voter": "ann", "answer": "eu"}
    async with doomed.worker(WAITS="1"):
        handle = await doomed.start("waits", questions=ASKS)
        before = await doomed.engine.pending(handle, GATE)
    if answered == "before another serves":
        await handle.signal("vote", vote)
    async with doomed.worker(WAITS="1"):
        if answered == "after":
            child = doomed.client.get_workflow_handle("waits/work")
            parked = await child.result()
            after = await doomed.engine.pending(handle, GATE)
            await handle.signal("vote", vote)
            assert parked["asked"]["checkpoint"] is not None
            assert after["waiting_for"][0]["opening"] == before["waiting_for"][0]["opening"] == 1
        report = await handle.result()

    assert doomed.told("checkpoint", "answers", "attempt") == [
        {"checkpoint": None, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 1}}, "answers": {"region": "eu"}, "attempt": 1},
    ]
    assert report["stages"]["work"]["output"] == {"region": "eu"}
    assert [each["gate"] for each in report["approvals"]] == [GATE]
