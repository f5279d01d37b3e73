"""What one workflow task may send, in bytes, so that the server takes it.

1. A request that is too large fails its stage. Sent, it would fail the workflow task, on every
   attempt.
2. So would many large ones together: those that do not fit any more wait for the next task.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from activities import contracts
from dsl.core import StageStatus
from dsl.limits import REQUEST_BYTES_MAX, REQUESTS_BYTES_MAX
from dsl.sizes import wire_bytes
from dsl.surfaces import Markdown
from workflows import failures
from workflows.failures import StageEndedError


class Outbox:
    """Counts what the workflow task under way sends to child workflows."""

    def __init__(self) -> None:
        self._task = -1
        self._bytes = 0

    async def admit(self, request: contracts.AgentRequest) -> None:
        """Return when ``request`` may be sent.

        Raises:
            StageEndedError: it is too large, now and ever (1).
        """
        size = wire_bytes(request)
        path = request.step.path
        if size > REQUEST_BYTES_MAX:
            raise StageEndedError(
                failures.STAGE_FAILED,
                path,
                StageStatus.FAILED,
                f"inputs and the list of given outputs have {size} bytes, at most "
                f"{REQUEST_BYTES_MAX} are allowed: hand large values over as artefacts, or "
                "require fewer stages",
            )
        while not self._fits(size):  # (2)
            await workflow.sleep(
                timedelta(milliseconds=1), summary=Markdown.of("{}: waiting its turn", path)
            )
        self._bytes += size

    def _fits(self, size: int) -> bool:
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._bytes = task, 0
        return self._bytes + size <= REQUESTS_BYTES_MAX
