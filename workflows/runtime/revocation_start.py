"""Starting the revocation of an agent from a run, whoever holds its id.

1. A revocation outlives whoever started it.
2. It is called by its agent. Where that id is taken, another is started beside it, under an id that
   nobody could have known. What holds the id is neither told nor waited for: it may be anything,
   and one that looks right may be paused, or flooded with words, or full of forged answers. Two
   revocations of one agent do no harm.
3. What is said of it was seen: that ours has been started, and what the server says of the other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

from activities.contracts import specs, trust_specs
from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.run.reserved import revocation_id
from dsl.shown.surfaces import Markdown

IDS_TRIED_MAX: Final = 3  # who foresees a token has broken the worker
LOOKING: Final = timedelta(seconds=2)


async def start_revocation(agent: str, reason: str, proof: str = "") -> str:
    """Start the revocation of ``agent`` and return what was seen of that, in a sentence (3).

    Without a ``proof`` it is the engine's word, and an agent stage has to be who asks.
    """
    request = trust_specs.RevokeRequest(agent=agent, reason=reason[:REASON_LENGTH_MAX], proof=proof)
    name = wanted = revocation_id(agent)
    for _ in range(IDS_TRIED_MAX):
        try:
            _ = await workflow.start_child_workflow(
                trust_specs.REVOCATION_WORKFLOW,
                request.model_dump(exclude_defaults=True),
                id=name,
                # (1) it outlives whoever started it
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=Markdown.of("revocation of {}", agent),
            )
        except WorkflowAlreadyStartedError:  # (2) taken: another id beside it
            name = revocation_id(agent, await _token(agent))
        else:
            if name == wanted:
                return f"{name} has been started"
            return f"{name} has been started, as {wanted} is {await _holder(wanted)}"
    by_hand = f"mandate revoke {agent} --reason TEXT"
    return f"{agent} is NOT revoked: every id for it was taken; revoke it: {by_hand}"


async def _token(agent: str) -> str:
    token: str = await workflow.execute_local_activity(
        trust_specs.NONCE,
        result_type=str,
        start_to_close_timeout=specs.COMPILE_TIMEOUT,
        activity_id=f"revocation/{agent}/nonce#{_unlike()}",
        summary=Markdown("its id is taken: another"),
    )
    return token


async def _holder(workflow_id: str) -> str:
    """Return what holds the id, for people to read; it delays no brake any more."""
    try:
        holder = await trust_specs.holder(
            trust_specs.HolderRequest(workflow=workflow_id),
            activity_id=f"{workflow_id}/holder#{_unlike()}",
            summary=Markdown("what holds its id?"),
            give_up_after=LOOKING,
        )
    except ActivityError:
        return "taken"
    return f"taken by {holder}" if holder.type else "taken by what has ended since"


def _unlike() -> str:
    """Return what tells two activities of one run apart that are the same in all else."""
    return workflow.uuid4().hex[:8]
