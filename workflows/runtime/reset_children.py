"""A child workflow at work while its run is reset, which goes on under the run after the reset.

1. The server takes it for a child of the run before, and refuses to cancel it as one of this run:
   the SDK's cancel does not reach it, and says nothing. So it is cancelled as a workflow of its own
   as well, by its id and its own run, which nobody else can have.
2. Beside a child of a run that was not reset no command is made.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

PATCH: Final = "children-of-before-a-reset-are-cancelled"


class ChildAtResets:
    """One child, to be made in the task that starts it, before it is started."""

    def __init__(self) -> None:
        self._is_reset = False
        self._task = asyncio.current_task()
        self._cancels_before = self._cancels()
        workflow.register_random_seed_callback(self._on_reset)

    async def answer_of(self, child: workflow.ChildWorkflowHandle[Any, Any]) -> Any:
        """Return or raise what ``child`` ends with; cancelled, it reaches it after a reset too."""
        beside = asyncio.create_task(self._reach(child))
        try:
            return await child
        finally:
            _ = beside  # it ends with the child, and is kept until then

    async def _reach(self, child: workflow.ChildWorkflowHandle[Any, Any]) -> None:
        await workflow.wait_condition(lambda: child.done() or self._is_out_of_reach())
        if child.done() or not workflow.patched(PATCH):
            return
        itself = workflow.get_external_workflow_handle(
            child.id, run_id=child.first_execution_run_id
        )
        try:  # (1) as a workflow of its own
            await itself.cancel(reason="its stage was cancelled, after a reset of the run")
        except ApplicationError:
            return  # it ended meanwhile

    def _is_out_of_reach(self) -> bool:
        return self._is_reset and self._cancels() > self._cancels_before

    def _cancels(self) -> int:
        """Return how often the task was cancelled: the SDK's child swallows each."""
        return 0 if self._task is None else self._task.cancelling()

    def _on_reset(self, _seed: int) -> None:
        self._is_reset = True
