"""``kill -9`` of the worker at work, and again while people think: the agent goes on, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fixtures.engine import Engine, pipeline, settings_for, stage
from tests.fixtures.servers.doomed import READY_S, told, worker
from tests.fixtures.servers.namespaces import own_namespace
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually
from worker import plugin

ASKS = {"approvers": ["ann"], "identity": ["claimed"]}
GATE = "work/question-1"
LEASE_AND_HEARTBEAT_S = 45  # until the next attempt, at the latest
SENT_S = 1.5  # a sign of life goes out twice a second


async def test_a_worker_killed_at_work_and_while_people_think_costs_no_step_and_no_question(
    engine: Engine, openbao: OpenBao, valkey: ValkeyProcess, tmp_path: Path
):
    settings = settings_for(engine.settings.temporal, openbao, valkey, tmp_path)
    client = await own_namespace(engine.client, plugin(settings))
    asked = tmp_path / "asked"
    document = pipeline(stage("work", config={"questions": ASKS}))
    async with worker(settings, client.namespace, asked):
        handle = await client.start_workflow(
            "Pipeline", {"definition": document}, id="asks", task_queue="mandate"
        )
        await eventually(lambda: len(told(asked)) == 1, within_s=READY_S)
        await asyncio.sleep(SENT_S)
    async with worker(settings, client.namespace, asked):
        await eventually(lambda: len(told(asked)) == 2, within_s=LEASE_AND_HEARTBEAT_S)
        await Engine(client, settings, engine.runner).pending(handle, GATE)
    vote = {"gate": GATE, "decision": "approve", "voter": "ann", "answer": "eu"}
    await handle.signal("vote", vote)  # nobody serves
    async with worker(settings, client.namespace, asked):
        report = await handle.result()

    assert told(asked) == [
        {"checkpoint": None, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 1}}, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 2}}, "answers": {"region": "eu"}, "attempt": 1},
    ]
    assert report["stages"]["work"]["output"] == {"region": "eu"}
    assert [each["gate"] for each in report["approvals"]] == ["work/question-1"]


@pytest.mark.parametrize("answered", ["before another serves", "after"])
async def test_a_worker_killed_while_its_agent_waits_costs_no_step_and_no_question(
    engine: Engine, openbao: OpenBao, valkey: ValkeyProcess, tmp_path: Path, answered: str
):
    settings = settings_for(engine.settings.temporal, openbao, valkey, tmp_path)
    client = await own_namespace(engine.client, plugin(settings))
    asked = tmp_path / "asked"
    document = pipeline(stage("work", config={"questions": ASKS}))
    vote = {"gate": GATE, "decision": "approve", "voter": "ann", "answer": "eu"}
    async with worker(settings, client.namespace, asked, WAITS="1"):
        handle = await client.start_workflow(
            "Pipeline", {"definition": document}, id="waits", task_queue="mandate"
        )
        run = Engine(client, settings, engine.runner)
        before = await run.pending(handle, GATE)
    if answered == "before another serves":
        await handle.signal("vote", vote)
    async with worker(settings, client.namespace, asked, WAITS="1"):
        if answered == "after":
            child = client.get_workflow_handle("waits/work")
            parked = await child.result()
            after = await run.pending(handle, GATE)
            await handle.signal("vote", vote)
            assert parked["asked"]["checkpoint"] is not None
            assert after["waiting_for"][0]["opening"] == before["waiting_for"][0]["opening"] == 1
        report = await handle.result()

    assert told(asked) == [
        {"checkpoint": None, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 1}}, "answers": {"region": "eu"}, "attempt": 1},
    ]
    assert report["stages"]["work"]["output"] == {"region": "eu"}
    assert [each["gate"] for each in report["approvals"]] == [GATE]
