"""What a run may send, so that the server takes it: in one workflow task, and in all.

1. A request that is too large fails its stage. Sent, it would fail the workflow task, on every
   attempt.
2. So would many large ones together: those that do not fit any more wait for the next task, in
   the order they came.
3. The server ends a run whose history is too large or too long, at once and without cleaning up.
   Before that no further stage starts: the stage fails, and the run ends in order.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

from activities.contracts import messages
from dsl.core import StageStatus
from dsl.limits import (
    HISTORY_BYTES_MAX,
    HISTORY_EVENTS_MAX,
    REQUEST_BYTES_MAX,
    REQUESTS_BYTES_MAX,
)
from dsl.shown.surfaces import Markdown
from dsl.values.sizes import wire_bytes
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError


class PayloadBudget:
    """Counts what the workflow task under way sends to child workflows."""

    def __init__(self) -> None:
        self._task = -1
        self._bytes = 0
        self._turn = asyncio.Lock()

    async def admit(self, request: messages.AgentRequest) -> None:
        """Return when ``request`` may be sent.

        Raises:
            StageEndedError: it is too large, now and ever (1), or the history is (3).
        """
        size = wire_bytes(request)
        path = request.step.path
        if size > REQUEST_BYTES_MAX:
            raise _refused(
                path,
                f"inputs and the list of given outputs have {size} bytes, at most "
                f"{REQUEST_BYTES_MAX} are allowed: hand large values over as artefacts, or "
                "require fewer stages",
            )
        async with self._turn:  # (2): one timer for all that wait
            while not self._fits(size):
                await workflow.sleep(
                    timedelta(milliseconds=1), summary=Markdown.of("{}: waiting its turn", path)
                )
            why = self._full()
            if why is not None:
                raise _refused(path, why)
            self._bytes += size

    def _fits(self, size: int) -> bool:
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._bytes = task, 0
        return self._bytes + size <= REQUESTS_BYTES_MAX

    def _full(self) -> str | None:
        """Say why the history takes no further stage (3)."""
        info = workflow.info()
        size, events = info.get_current_history_size(), info.get_current_history_length()
        if size > HISTORY_BYTES_MAX:
            return (
                f"what this run was told and has answered fills {size} bytes of history, and no "
                f"stage starts beyond {HISTORY_BYTES_MAX}: let stages put large values into "
                "artefacts, or split the pipeline"
            )
        if events > HISTORY_EVENTS_MAX:
            return (
                f"this run has {events} events of history, and no stage starts beyond "
                f"{HISTORY_EVENTS_MAX}: split the pipeline"
            )
        return None


def _refused(path: str, why: str) -> StageEndedError:
    return StageEndedError(failures.STAGE_FAILED, path, StageStatus.FAILED, why)
