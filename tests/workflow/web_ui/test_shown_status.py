"""``MandateStatus`` in lists: what a run does while it runs, and how it ended when it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from tests.fixtures.engine import Engine, fail, gate, hang, pipeline, stage
from workflows.runtime.attributes import GATES, STATUS

Act = Callable[[Engine, WorkflowHandle[Any, Any]], Awaitable[None]]


async def shown(handle: WorkflowHandle[Any, Any]) -> tuple[str | None, list[str]]:
    attributes = (await handle.describe()).typed_search_attributes
    return attributes.get(STATUS), list(attributes.get(GATES, []))


async def answered(engine: Engine, handle: WorkflowHandle[Any, Any], decision: str) -> None:
    await engine.pending(handle, "ok")
    assert await shown(handle) == ("waiting", ["ok"])
    await handle.signal("vote", {"gate": "ok", "decision": decision, "voter": "ann"})


async def approve(engine: Engine, handle: WorkflowHandle[Any, Any]) -> None:
    await answered(engine, handle, "approve")


async def reject(engine: Engine, handle: WorkflowHandle[Any, Any]) -> None:
    await answered(engine, handle, "reject")


async def cancel(engine: Engine, handle: WorkflowHandle[Any, Any]) -> None:
    await engine.pending(handle, "ok")
    await handle.cancel()


async def stop(engine: Engine, handle: WorkflowHandle[Any, Any]) -> None:
    await engine.runner.until_running("slow")
    assert (await shown(handle))[0] == "running"
    await handle.signal("revoke", {"stage": "slow", "reason": "enough"})


async def nothing(_engine: Engine, _handle: WorkflowHandle[Any, Any]) -> None:
    """Let it run."""


@pytest.mark.parametrize(
    ("document", "act", "ended"),
    [
        (pipeline(gate("ok")), approve, "completed"),
        (pipeline(stage("look")), nothing, "completed"),
        (pipeline(gate("ok")), reject, "rejected"),
        (pipeline(gate("ok")), cancel, "cancelled"),
        (pipeline(stage("bad")), nothing, "failed"),
        (pipeline(stage("slow")), stop, "revoked"),
        (pipeline(stage("slow"), timeout="1s"), nothing, "failed"),
        (pipeline(stage("look", template="unheard-of")), nothing, "refused"),
    ],
    ids=["approved", "no gate", "rejected", "cancelled", "failed", "stopped", "late", "refused"],
)
async def test_a_run_that_is_over_says_how_it_ended(
    engine: Engine, document: dict[str, Any], act: Act, ended: str
):
    engine.runner.behaviours.update({"bad": fail, "slow": hang})
    handle = await engine.start(document)
    await act(engine, handle)
    try:
        await handle.result()
    except WorkflowFailureError:
        assert ended != "completed"

    assert await shown(handle) == (ended, [])
    query = f'MandateStatus="{ended}" AND WorkflowId="{handle.id}"'
    async with asyncio.timeout(60):
        while not [each async for each in engine.client.list_workflows(query)]:  # noqa: ASYNC110  # the server's list
            await asyncio.sleep(0.05)
