"""What holds the id of a child now, and a cancel that goes to the id, not to the child.

After a reset the SDK knows a child no more, or by a run that is over; its id still leads to it.
Nothing is decided here: see ``old_children`` and ``reset_children`` beside it.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.contracts import trust_specs
from dsl.shown.surfaces import Markdown


async def holder_of(
    child_id: str, kind: tuple[str, str], *, activity_id: str, summary: Markdown
) -> tuple[trust_specs.Holder, bool]:
    """Return what holds the id, and whether it is a child of this workflow.

    ``kind``: the type and the task queue of such a child.

    Raises:
        ActivityError: nobody can say.
    """
    holder = await trust_specs.holder(
        trust_specs.HolderRequest(workflow=child_id), activity_id=activity_id, summary=summary
    )
    ours = (*kind, workflow.info().workflow_id)
    return holder, (holder.type, holder.queue, holder.parent) == ours


async def cancel_by_id(child_id: str, run_id: str | None = None, *, reason: str) -> None:
    """Cancel what holds the id, or the run of that id; it may have ended meanwhile."""
    try:
        await workflow.get_external_workflow_handle(child_id, run_id=run_id).cancel(reason=reason)
    except ApplicationError:
        return
