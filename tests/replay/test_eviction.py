"""A run may be evicted from a worker's cache wherever it waits, and leaves nothing behind.

While a run is evicted, its tasks are cancelled and none can be made: code that cleans up after a
cancel meets that. A coroutine left over there is a warning in a worker's log, and one more for
every eviction.
"""

from __future__ import annotations

import gc
import json
import warnings
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from tests.fixtures.replaying import replayer
from tests.replay.record import HISTORIES, workflow_id_of

_WAITS = "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"


def _waiting(file: Path) -> list[WorkflowHistory]:
    """Return the history as it was each time the workflow had said what it waits for."""
    whole = json.loads(file.read_text())
    events = whole["events"]
    ends = [n for n, event in enumerate(events, start=1) if event["eventType"] == _WAITS][:-1]
    return [
        WorkflowHistory.from_json(workflow_id_of(file), {"events": events[:end]}) for end in ends
    ]


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
async def test_an_evicted_run_leaves_no_coroutine_behind(file: Path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for history in _waiting(file):
            await replayer(sandboxed=False).replay_workflow(history)
        gc.collect()

    assert [str(w.message) for w in seen if issubclass(w.category, RuntimeWarning)] == []
