"""A run whose plan tells somebody has ``Notification`` do it, and waits for nothing of that.

1. It is started first, so that a run that is refused is told of, too. The run goes on at once.
2. What a reset makes of a run is followed by another: the one before has seen its run end.
3. It may be that nobody serves its queue, and that it cannot be started at all: that is no concern
   of the run, which is governed by what stands on the ledger and not by who was told.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.contracts.notify.specs import (
    NOTIFICATION_WORKFLOW,
    QUEUE_NOTIFY,
    NotificationRequest,
)
from dsl.plan import Plan
from dsl.rules.notify.subject import subject_of
from dsl.rules.run.reserved import notification_id
from dsl.shown.surfaces import Markdown
from workflows.runtime.cancellation import finish

_TOKEN: Final = 12  # characters


class Notified:
    """Those who are told of one run."""

    def __init__(self, plan: Plan, inputs: dict[str, Any]) -> None:
        self._plan = plan
        self._subject = subject_of(inputs)
        self._starting: list[asyncio.Task[None]] = []
        # The SDK tells of a reset while no loop runs, and passes over what fails then.
        self._loop = asyncio.get_running_loop()
        if plan.notify:
            workflow.register_random_seed_callback(self._on_reset)

    def begin(self) -> None:
        """Have them told, beside the run (1)."""
        if self._plan.notify:
            self._starting.append(self._loop.create_task(self._start()))

    async def begun(self) -> asyncio.CancelledError | None:
        """Wait until it is under way, for a run that is over starts nothing; return a cancel."""
        cancelled = None
        for task in self._starting:
            cancelled = await finish(task) or cancelled
        return cancelled

    async def _start(self) -> None:
        info = workflow.info()
        request = NotificationRequest(
            workflow=info.workflow_id,
            run=info.run_id,
            notify=self._plan.notify,
            subject=self._subject,
        )
        try:
            _ = await workflow.start_child_workflow(
                NOTIFICATION_WORKFLOW,
                request,
                id=notification_id(info.workflow_id, workflow.uuid4().hex[:_TOKEN]),
                task_queue=QUEUE_NOTIFY,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                static_summary=Markdown.of("who is told of {}", info.workflow_id),
            )
        except FailureError as error:  # (3) no concern of the run
            workflow.logger.warning("nobody is told of this run: %s", error)

    def _on_reset(self, _seed: int) -> None:
        self.begin()  # (2) followed by another
