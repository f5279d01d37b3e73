"""A run may be evicted from a worker's cache wherever it waits, and leaves nothing behind.

While a run is evicted, its tasks are cancelled and none can be made: code that cleans up after a
cancel meets that. A coroutine left over there is a warning in a worker's log, and one more for
every eviction.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from tests.fixtures.replaying import replayer
from tests.replay.record import HISTORIES, workflow_id_of

_WAITS = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


def _waiting(file: Path) -> list[WorkflowHistory]:
    """Return the history as it was each time the workflow had said what it waits for."""
    whole = WorkflowHistory.from_json(workflow_id_of(file), file.read_text())
    ends = [n for n, event in enumerate(whole.events, start=1) if event.event_type == _WAITS][:-1]
    return [WorkflowHistory(whole.workflow_id, whole.events[:end]) for end in ends]


async def _one_by_one(histories: list[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
    for history in histories:
        yield history


@pytest.fixture(scope="module", autouse=True)
def _others_left_alone():
    """Have a collection look at what a replay has left, and not at all that tests have loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
async def test_an_evicted_run_leaves_no_coroutine_behind(file: Path):
    histories = _waiting(file)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        # One replayer for all: it takes longer to make than a history to replay.
        await replayer(sandboxed=False).replay_workflows(_one_by_one(histories))
        gc.collect()

    assert [str(w.message) for w in seen if issubclass(w.category, RuntimeWarning)] == []
