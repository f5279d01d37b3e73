"""Deep replay as the tests do it: in the SDK's sandbox, which is made once for all of them."""

from __future__ import annotations

from temporalio.client import WorkflowHistory

from mandate.work.look.deep_replay import deep_replay
from tests.fixtures.replaying import replayer


async def replay(history: WorkflowHistory) -> list[str]:
    """Return every difference of a deep replay; none when all is the same."""
    return await deep_replay(history, replayer)
