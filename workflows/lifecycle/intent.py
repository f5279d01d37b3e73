"""What an agent stage asks the ledger before it goes on: the intent, and the agent's authority.

1. No EXECUTE that is not on the ledger: the intent is recorded and awaited before BOOTSTRAP,
   and again before every further try. The receipt brings the agent's authority, with which a
   cold guard is seeded.
2. A cold guard is seeded only with an answer given after it was found cold.
"""

from __future__ import annotations

from temporalio.exceptions import ActivityError

from activities.contracts import specs
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.stage_state import Course
from workflows.runtime import failures


async def intend(course: Course, action: str, /, **payload: object) -> None:
    """Record the intent to run the agent, and learn its authority (1).

    Raises:
        PhaseFailedError: it is not on the ledger.
    """
    course.records.note(
        action,
        plan=course.request.plan,
        path=course.step.path,
        template=course.step.template,
        attempt=course.attempts + 1,
        secrets=sorted(course.step.secrets.values()),
        **payload,
    )
    try:
        answer = await course.records.flush(action, authority_of=course.request.agent)
    except ActivityError as error:
        raise failures.of_phase(error) from None
    if answer.authority is not None:
        course.authority, course.seed = answer.authority, True


async def ask_authority(course: Course, number: int) -> None:
    """Learn the agent's authority anew, its guard being cold for the ``number``-th time (2).

    Raises:
        PhaseFailedError: the ledger does not say.
    """
    path = course.step.path
    try:
        course.authority = await specs.authority(
            specs.AuthorityRequest(agent=course.request.agent),
            activity_id=f"{path}/authority#{number}",
            summary=Markdown.of("{}: guard is cold, asking the ledger", path),
        )
    except ActivityError as error:
        raise failures.of_phase(error) from None
    course.seed = True
