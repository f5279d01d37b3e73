"""What time a workflow has: the one that replays alike, in the unit in which all else counts."""

from __future__ import annotations

from temporalio import workflow


def now_ms() -> int:
    """Return it, in milliseconds since 1970."""
    return int(workflow.now().timestamp() * 1_000)
