"""Which workflow task is under way: what is done in one task is repeated together by a reset."""

from __future__ import annotations

from temporalio import workflow


def this_task() -> int:
    """Return the event that will complete the workflow task under way: a run is reset to those.

    Its start is the last event there is, and its completion will be the next.
    """
    return workflow.info().get_current_history_length() + 1
