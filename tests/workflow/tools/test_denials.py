"""A denial that is on its way to the ledger when its stage ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from activities.ledger import record
from activities.ledger.effects import append_claiming
from dsl import actions
from integrations.agents.contract.protocol import Request
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from tests.fixtures.engine import Engine, fail, failure_of, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.tools.shop import Shop


async def test_a_denial_that_gets_nowhere_holds_up_no_end_of_its_stage(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its record is ended, and the last word of the stage takes it along, once."""
    shop = Shop(engine.settings.tools[0], tmp_path)
    await shop.open()
    tools = {"tools": [shop.rule("deny")], "tier": 1, "timeout": "10m"}
    on_its_way = asyncio.Event()
    genuine = append_claiming

    async def away(ledger: Ledger, namespace: str, drafts: Sequence[Draft]) -> Any:
        mine = f"{engine.started[-1].id}/work"
        told = {draft.action for draft in drafts if draft.workflow_id == mine}
        if actions.TOOL_DENIED in told and actions.AGENT_ENDED not in told:
            on_its_way.set()
            await asyncio.Event().wait()
        return await genuine(ledger, namespace, drafts)

    async def work(request: Request) -> dict[str, Any]:
        await engine.runner.call(request, f"{shop.name}/refund", {"amount": 82})
        await on_its_way.wait()
        return await fail(request)

    monkeypatch.setattr(record, "append_claiming", away)
    engine.runner.behaviours["work"] = work
    handle = await engine.start(pipeline(stage("work", config=tools)))
    await failure_of(handle)
    told = await engine.child(handle, "work")

    ends = [EventType.Name(each.event_type) for each in await engine.events(told)]
    said = [e.action for e in told_by(engine.settings.ledger, told.id)]
    assert "EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED" in ends
    assert "EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT" not in ends
    assert [said.count(each) for each in (actions.TOOL_DENIED, actions.AGENT_ENDED)] == [1, 1]
