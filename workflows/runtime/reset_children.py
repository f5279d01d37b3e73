"""A child workflow at work while its run is reset, which goes on under the run after the reset.

1. The server takes it for a child of the run before, and refuses to cancel it as one of this run:
   the SDK's cancel does not reach it, and says nothing. So it is cancelled as a workflow of its own
   as well, by its id and its own run, which nobody else can have.
2. Where the child was itself reset, its own run is over, and the server takes a cancel of that for
   one that was heard. So what holds the id now is asked for, and cancelled by the run that it names
   when it is of our type, queue and parent: a stranger is left alone.
3. Beside a child of a run that was not reset no command is made.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from dsl.shown.surfaces import Markdown
from workflows.runtime.child_ids import cancel_by_id, holder_of

PATCH: Final = "children-of-before-a-reset-are-cancelled"
PATCH_RESET: Final = "children-that-were-reset-are-cancelled"
_REASON: Final = "its stage was cancelled, after a reset of the run"


class ChildAtResets:
    """One child, to be made in the task that starts it, before it is started.

    ``path``: its place in the plan; ``kind``: the type and the task queue of such a child.
    """

    def __init__(self, path: str, kind: tuple[str, str]) -> None:
        self._path = path
        self._kind = kind
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
        began = str(child.first_execution_run_id)
        await cancel_by_id(child.id, began, reason=_REASON)  # (1) as a workflow of its own
        if child.done() or not workflow.patched(PATCH_RESET):
            return
        goes_on = await self._run_of(child.id)
        if goes_on and goes_on != began:
            await cancel_by_id(child.id, goes_on, reason=_REASON)  # (2) it was reset

    async def _run_of(self, child_id: str) -> str:
        """Return the run that this child goes on under; empty: none, as far as is known (2)."""
        try:
            holder, is_ours = await holder_of(
                child_id,
                self._kind,
                activity_id=f"{self._path}/holder#reset",
                summary=Markdown.of("{}: was it reset?", self._path),
            )
        except ActivityError:
            return ""
        return holder.run if is_ours else ""

    def _is_out_of_reach(self) -> bool:
        return self._is_reset and self._cancels() > self._cancels_before

    def _cancels(self) -> int:
        """Return how often the task was cancelled: the SDK's child swallows each."""
        return 0 if self._task is None else self._task.cancelling()

    def _on_reset(self, _seed: int) -> None:
        self._is_reset = True
