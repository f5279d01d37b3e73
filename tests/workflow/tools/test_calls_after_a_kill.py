"""``kill -9`` of the worker around a call: it is made once or nobody knows, and asked once.

Of one that is under way ``tests/workflow/lifecycle/test_after_a_kill.py`` tells.
"""

from __future__ import annotations

import asyncio
import random

import pytest
import pytest_asyncio

from tests.fixtures.search import SEED, many
from tests.fixtures.servers.doomed import Doomed
from tests.fixtures.tools.shop import Shop

GATE = "work/call-1"
APPROVE = {"gate": GATE, "decision": "approve", "voter": "ann"}
UNTIL_S_MAX = 4.0  # from the vote to the kill


@pytest_asyncio.fixture
async def shop(doomed: Doomed, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    # Not beside the ledger: that directory is closed to servers.
    made = Shop(doomed.settings.tools[0], tmp_path_factory.mktemp("shop"))
    await made.open()
    return made


@pytest.mark.stress
@pytest.mark.parametrize("number", range(many(10)))
async def test_a_worker_killed_at_any_moment_after_an_approval(doomed, shop: Shop, number: int):
    chance = random.Random(SEED * 1_000 + number)
    people = {"approvers": ["ann"], "identity": ["claimed"], "timeout": "5m"}
    rule = shop.rule("approve", approve=people)
    async with doomed.worker({"approved": {"calls": shop.name}}):
        handle = await doomed.start(
            "approved", tier=1, tools=[rule], timeout="5m", error_budget=None
        )
        await doomed.engine.pending(handle, GATE)
        await handle.signal("vote", APPROVE)
        await asyncio.sleep(chance.uniform(0, UNTIL_S_MAX))  # whatever it does by then
    async with doomed.worker({"approved": {"calls": shop.name}}):
        asked = asyncio.ensure_future(doomed.engine.pending(handle, "work/outcome-1"))
        over = asyncio.ensure_future(handle.result())
        await asyncio.wait((asked, over), return_when=asyncio.FIRST_COMPLETED)
        if not over.done():
            said = "happened" if shop.paid else "did-not"
            await handle.signal("vote", {**APPROVE, "gate": "work/outcome-1", "answer": said})
        report = await over
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    status = report["stages"]["work"]["output"]["status"]
    gates = [each["gate"] for each in report["approvals"]]

    assert len(shop.paid) == (1 if status == "ok" else 0)
    assert gates.count(GATE) == 1
    assert set(gates) <= {GATE, "work/outcome-1"}
