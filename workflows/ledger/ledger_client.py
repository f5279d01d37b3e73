"""Of whom a workflow asks what the ledger's worker does.

1. Where one process runs workflows and writes the ledger, as the policy of the run says, the
   workflow's own worker is asked: what it does begins with the answer to the workflow task.
2. That is tried once. Where that process does not write the ledger, does not answer, or has died,
   the same is asked of the ledger's queue, which is waited for, and so is all that follows.
3. It is asked under the same id. Names of entries are made of it, so what both have recorded stands
   there once.
4. What is refused for good, or was cancelled, is not asked again; and whoever gives up after a
   while waits no longer for both than for one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow

from activities.contracts.specs import ActivitySpec
from dsl.core import Value
from dsl.shown.surfaces import Markdown

_AT_LEAST: Final = timedelta(milliseconds=1)

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)


class LedgerClient:
    """Asks for one workflow."""

    def __init__(self, *, is_beside: bool) -> None:
        self._is_beside = is_beside

    async def ask(
        self,
        spec: ActivitySpec[In, Out],
        request: In,
        *,
        activity_id: str,
        summary: Markdown,
        give_up_after: timedelta | None = None,
    ) -> Out:
        """Have it done, and return the answer; errors are those of ``ActivitySpec``."""
        left = give_up_after
        if self._is_beside:
            began = workflow.now()
            answer = await spec.beside(
                request, activity_id=activity_id, summary=summary, give_up_after=give_up_after
            )
            if answer is not None:
                return answer
            self._is_beside = False  # (2) and so is all that follows
            if give_up_after is not None:  # (4) no longer for both
                left = max(_AT_LEAST, give_up_after - (workflow.now() - began))
        return await spec(request, activity_id=activity_id, summary=summary, give_up_after=left)
