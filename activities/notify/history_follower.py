"""Waits until a run has moved, by the server's long poll: nobody asks the run itself.

1. It returns where the server has told of any event that it has not told of before. What that means
   is for whoever looks then.
2. Where it is in the history goes on as a word of the server's, ``cursor``. One that the server
   does not take any more is forgotten: all is told anew, and nothing missed.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from integrations.errors import UnavailableError

POLL: Final = timedelta(seconds=40)  # the server answers after 20 s that there is nothing
CURSOR_MAX: Final = 4_000  # characters
PAGE: Final = 200  # events


class HistoryFollower:
    """One run's history, event after event."""

    def __init__(self, client: Client, workflow_id: str, run_id: str, cursor: str) -> None:
        self._client = client
        self._execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        self._token = _decoded(cursor)

    @property
    def cursor(self) -> str:
        """Where it is (2)."""
        word = base64.b64encode(self._token).decode()
        return word if len(word) <= CURSOR_MAX else ""

    async def moved(self) -> None:
        """Return when there is something new (1), or after about 20 s of nothing.

        Raises:
            UnavailableError: the server does not answer.
        """
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace,
            execution=self._execution,
            maximum_page_size=PAGE,
            next_page_token=self._token,
            wait_new_event=True,
        )
        try:
            answer = await self._client.workflow_service.get_workflow_execution_history(
                request, retry=False, timeout=POLL
            )
        except RPCError as error:
            if self._token and error.status is RPCStatusCode.INVALID_ARGUMENT:
                self._token = b""  # (2) forgotten
                return
            if error.status is RPCStatusCode.DEADLINE_EXCEEDED:
                return
            raise UnavailableError(
                f"temporal does not tell of {self._execution.workflow_id!r}: {error.message}"
            ) from None
        self._token = answer.next_page_token


def _decoded(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor, validate=True)
    except (binascii.Error, ValueError):
        return b""
