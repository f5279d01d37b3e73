"""A child workflow whose id may still be held by one that a reset has left behind.

1. The id is made of the run's id and a place in its plan. After a reset the old child may still be
   running: it is cancelled and waited for, then a new one is started.
2. What else holds the id is no child of this workflow: it is neither cancelled nor waited for, and
   the stage fails with what it is. It may have come while the old child ended, so it is looked at
   again now and then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

from dsl.core import StageStatus
from dsl.shown.surfaces import Markdown
from workflows.runtime import failures
from workflows.runtime.child_ids import cancel_by_id, holder_of
from workflows.runtime.failures import StageEndedError

# Longer than EXIT may take, so that a child that is cleaning up is never given up on.
OLD_CHILD_WAITS_MAX: Final = 90
OLD_CHILD_WAIT: Final = timedelta(seconds=2)
LOOKED_AT_EVERY: Final = 5  # waits

T = TypeVar("T")


async def after_old_child(
    run: Callable[[], Awaitable[T]], *, path: str, child_id: str, kind: tuple[str, str]
) -> T:
    """Return what ``run`` does, which starts the child, once its id is free (1).

    ``kind``: the type and the task queue of such a child.

    Raises:
        StageEndedError: the id does not become free.
    """
    for waits in range(OLD_CHILD_WAITS_MAX):
        try:
            return await run()
        except WorkflowAlreadyStartedError:  # (1) the child of before a reset, or a stranger
            if waits % LOOKED_AT_EVERY == 0:
                await _refuse_stranger(path, child_id, kind, waits)
            if waits == 0:
                await cancel_by_id(child_id, reason="the run was reset: a new agent takes over")
            await workflow.sleep(
                OLD_CHILD_WAIT, summary=Markdown.of("waiting for the old {} to end", path)
            )
    raise StageEndedError(
        failures.STAGE_FAILED,
        path,
        StageStatus.FAILED,
        f"an older workflow {child_id!r} did not end: terminate it and start again",
    )


async def _refuse_stranger(path: str, child_id: str, kind: tuple[str, str], waits: int) -> None:
    """Refuse to wait for what is not this workflow's older child (2).

    Raises:
        StageEndedError: it is something else, or nobody can say.
    """
    try:
        holder, is_ours = await holder_of(
            child_id,
            kind,
            activity_id=f"{path}/holder#{waits // LOOKED_AT_EVERY + 1}",
            summary=Markdown.of("{}: what holds its id?", path),
        )
    except ActivityError as error:
        raise StageEndedError(
            failures.STAGE_FAILED,
            path,
            StageStatus.FAILED,
            f"its id {child_id!r} is taken, by what is not known: {failures.cause_of(error)[1]}",
        ) from None
    if not holder.type or is_ours:
        return
    raise StageEndedError(
        failures.STAGE_FAILED,
        path,
        StageStatus.FAILED,
        f"its id {child_id!r} is taken by {holder}, which is no stage of this run: terminate that "
        "and start again",
    )
