"""Questions to a run that its worker is catching up with: put again, and not the asker's business.

A worker that finds a run further on than it has it in memory lets go of it and answers
``ASK_AGAIN``, for the reason in ``activities.runtime.activations``. The rules of who asks:

1. That answer is no answer: the question is put again after a pause, ``ASKED_MAX`` times in all.
   Whoever has less time sets a limit of their own around it.
2. Every other failure is the asker's, at once.

The Temporal CLI has none of this: who types reads the sentence, and asks again.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    WorkflowQueryFailedError,
)

ASK_AGAIN: Final = "the run is being caught up with: ask again in a moment"
ASKED_MAX: Final = 20
PAUSE_S: Final = 0.1


class AskingAgain(Interceptor):
    """Makes a client ask again (1)."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - as the SDK has it
        """See base class."""
        return _Asking(next)


class _Asking(OutboundInterceptor):
    async def query_workflow(self, input: QueryWorkflowInput) -> Any:  # noqa: A002 - as the SDK has it
        for _ in range(ASKED_MAX - 1):
            try:
                return await super().query_workflow(input)
            except WorkflowQueryFailedError as error:
                if str(error) != ASK_AGAIN:  # (2) the asker's
                    raise
            await asyncio.sleep(PAUSE_S)
        return await super().query_workflow(input)
