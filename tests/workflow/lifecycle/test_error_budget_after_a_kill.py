"""``kill -9`` of the worker while an agent errs: the next attempt counts nothing twice."""

from __future__ import annotations

from integrations.ledger.verify import tail
from tests.fixtures.servers.doomed import Doomed


async def test_what_was_said_before_the_kill_and_after_it_counts_once(doomed: Doomed):
    async with doomed.worker(ERRS="2"):
        handle = await doomed.start("errs", error_budget={"errors": 4, "window": "1h"})
        await doomed.until_seen()
    async with doomed.worker(ERRS="3"):
        await doomed.until_asked(2)
        report = await handle.result()
        status = await doomed.client.get_workflow_handle("errs/work").query("status")

    assert report["stages"]["work"]["attempts"] == 1
    assert (status["error_budget"]["errors"], status["error_budget"]["left"]) == (3, 1)
    entries = tail(doomed.settings.ledger, 500)
    [erred] = [each for each in entries if each.action == "agent.erred"]
    assert len(erred.payload["errors"]) == 3
