"""``kill -9`` of the worker while an agent errs: the next attempt counts nothing twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

from integrations.ledger.verify import tail
from tests.fixtures.engine import Engine, pipeline, settings_for, stage
from tests.fixtures.servers.doomed import READY_S, told, worker
from tests.fixtures.servers.namespaces import own_namespace
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually
from worker import plugin

LEASE_AND_HEARTBEAT_S = 45  # until the next attempt, at the latest
SENT_S = 1.5  # a sign of life goes out twice a second


async def test_what_was_said_before_the_kill_and_after_it_counts_once(
    engine: Engine, openbao: OpenBao, valkey: ValkeyProcess, tmp_path: Path
):
    settings = settings_for(engine.settings.temporal, openbao, valkey, tmp_path)
    client = await own_namespace(engine.client, plugin(settings))
    asked = tmp_path / "asked"
    document = pipeline(stage("work", config={"error_budget": {"errors": 4, "window": "1h"}}))
    async with worker(settings, client.namespace, asked, ERRS="2"):
        handle = await client.start_workflow(
            "Pipeline", {"definition": document}, id="errs", task_queue="mandate"
        )
        await eventually(lambda: len(told(asked)) == 1, within_s=READY_S)
        await asyncio.sleep(SENT_S)
    async with worker(settings, client.namespace, asked, ERRS="3"):
        await eventually(lambda: len(told(asked)) == 2, within_s=LEASE_AND_HEARTBEAT_S)
        report = await handle.result()
        status = await client.get_workflow_handle("errs/work").query("status")

    assert report["stages"]["work"]["attempts"] == 1
    assert (status["error_budget"]["errors"], status["error_budget"]["left"]) == (3, 1)
    [erred] = [each for each in tail(settings.ledger, 500) if each.action == "agent.erred"]
    assert len(erred.payload["errors"]) == 3
