"""Our own worker is killed while somebody else's does an agent's work: the work goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from temporalio import activity

from tests.fixtures.engine import OUTSIDE, pipeline, stage
from tests.fixtures.outside.worker import DONE, serving
from tests.fixtures.stack import MandateUp, result_of


async def test_the_work_goes_on_and_is_begun_once(tmp_path: Path):
    released = asyncio.Event()

    async def work_until_released(_request: dict[str, Any]) -> Any:
        while not released.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.1)
        return DONE

    async with MandateUp(tmp_path, {"MANDATE_TEMPLATES": str(OUTSIDE)}) as up:
        async with serving(up.env["TEMPORAL_ADDRESS"]) as outside:
            outside.behaviours["work"] = work_until_released
            handle = await up.start(pipeline(stage("work", template="outside-activity")))
            await outside.until_asked("work")
            await up.kill("worker")
            await up.until_back("worker")
            released.set()
            report = await result_of(handle)
        up.check_ledger(handle.id, agents=["work"])

    assert report["stages"]["work"]["output"] == DONE["output"]
    assert report["stages"]["work"]["attempts"] == 1
    assert len(outside.requests) == 1
    assert outside.cancelled == []
