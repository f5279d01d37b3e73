"""Whether an agent that is cancelled may take its grace: only where nobody has revoked it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine, pipeline, stage

HURRIED = {"revoked": False, "cancelled": True, "out of time": True}


@pytest.mark.parametrize("how", HURRIED)
async def test_who_is_revoked_is_hurried_and_nobody_else(engine: Engine, how: str):
    told: list[bool] = []

    async def work(request: Request) -> dict[str, Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            unhurried = engine.runner.unhurried[request.stage]
            assert unhurried is not None
            told.append(await unhurried())
            raise
        raise AssertionError("unreachable")

    engine.runner.behaviours["work"] = work
    config = {"timeout": "5s" if how == "out of time" else "1m", "sandbox": {"grace": "10s"}}
    handle = await engine.start(pipeline(stage("work", config=config)))
    await engine.runner.until_running("work")
    if how == "revoked":
        await handle.signal("revoke", {"stage": "work", "reason": "it does too much"})
    if how == "cancelled":
        await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert told == [HURRIED[how]]
