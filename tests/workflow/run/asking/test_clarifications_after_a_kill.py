"""``kill -9`` of the worker while a plan is clarified, and after: it counts once."""

from __future__ import annotations

from integrations.ledger.verify import tail
from tests.fixtures.servers.doomed import Doomed

GATE = "work/clarify-1"
CONFIG = {
    "error_budget": {"errors": 2, "window": "1h"},
    "clarifications": 2,
    "clarify": "human",
    "clarifiers": {"approvers": ["ann"], "identity": ["claimed"]},
}


async def test_a_worker_killed_while_a_plan_is_clarified_counts_no_clarification_twice(
    doomed: Doomed,
):
    async with doomed.worker(ERRS="2"):
        handle = await doomed.start("clarifies", **CONFIG)
        before = await doomed.engine.pending(handle, GATE)
    async with doomed.worker(HANGS="1"):
        after = await doomed.engine.pending(handle, GATE)
        vote = {"gate": GATE, "decision": "approve", "voter": "ann", "answer": "gently"}
        await handle.signal("vote", vote)
        await doomed.until_asked(2)
    async with doomed.worker(ERRS="1"):
        await doomed.until_asked(3)
        report = await handle.result()
    entries = tail(doomed.settings.ledger, 500)
    clarified = [each.payload for each in entries if each.action == "stage.clarified"]

    assert [each["clarification"] for each in doomed.told("clarification")] == [0, 1, 1]
    assert [each["opening"] for s in (before, after) for each in s["waiting_for"]] == [1, 1]
    assert [each["number"] for each in clarified] == [1]
    assert clarified[0]["constraints"] == ["gently"]
    assert [each["gate"] for each in report["approvals"]] == [GATE]
    assert report["stages"]["work"]["attempts"] == 2
