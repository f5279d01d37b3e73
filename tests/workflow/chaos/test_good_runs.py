"""Where governance holds, no oracle speaks: whatever way a run has ended."""

from __future__ import annotations

import asyncio

from tests.fixtures.chaos.stand import Stand, over
from tests.workflow.chaos import stories

STORIES = (
    *(stories.approved, stories.proven, stories.rejected, stories.timed_out, stories.cancelled),
    *(stories.failed, stories.revoked, stories.overspent, stories.in_branches),
    stories.asked_to_pay,
)


async def test_no_oracle_speaks_of_runs_in_which_governance_holds(stand: Stand):
    runs = {}
    for story in STORIES:
        stand.engine.runner.forget()
        runs[story.__name__] = await story(stand)
        async with asyncio.timeout(60):
            await over(runs[story.__name__])

    assert [str(each) for each in await stand.judged(*runs.values())] == []
    [paid] = stand.reached.values()
    assert len(paid.read_text().splitlines()) == 2  # the third was rejected
