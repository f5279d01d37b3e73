"""What an agent stage asks the ledger before it goes on: the intent, and the agent's authority.

1. No EXECUTE that is not on the ledger: the intent is recorded and awaited before BOOTSTRAP,
   and again before every further try. The receipt brings the agent's authority, with which a
   cold guard is seeded.
2. A cold guard is seeded only with an answer given after it was found cold; what the agent has
   erred until then is on record before, since the answer tells it as well.
"""

from __future__ import annotations

from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.stage_state import StageState
from workflows.runtime import failures


async def intend(state: StageState, action: str, /, **payload: object) -> None:
    """Record the intent to run the agent, and learn its authority (1).

    Raises:
        PhaseFailedError: it is not on the ledger.
    """
    state.records.note(
        action,
        plan=state.request.plan,
        path=state.step.path,
        template=state.step.template,
        attempt=state.tries.count + 1,
        secrets=sorted(state.step.secrets.values()),
        **_runtime(state),
        **_budget(state),
        **payload,
    )
    try:
        answer = await state.records.flush(action, authority_of=state.request.agent)
    except ActivityError as error:
        raise failures.of_phase(error) from None
    if answer.authority is not None:
        state.learn(answer.authority)


def _runtime(state: StageState) -> dict[str, object]:
    """Return whose activity or workflow is to do the work, where it is no program of ours."""
    runtime = state.step.runtime
    return {} if runtime is None else {"runtime": runtime.model_dump(mode="json")}


def _budget(state: StageState) -> dict[str, object]:
    """Return how much the agent may err, where the stage says so."""
    budget = state.step.error_budget
    return {} if budget is None else {"error_budget": budget.model_dump(mode="json")}


async def ask_authority(state: StageState, number: int) -> None:
    """Learn the agent's authority anew, its guard being cold for the ``number``-th time (2).

    Raises:
        PhaseFailedError: the ledger does not say.
    """
    path = state.step.path
    try:
        if state.erred_unrecorded:
            await state.records.flush(f"{path}: what it has erred")
        authority = await state.records.client.ask(
            specs.authority,
            messages.AuthorityRequest(agent=state.request.agent),
            activity_id=f"{path}/authority#{number}",
            summary=Markdown.of("{}: guard is cold, asking the ledger", path),
        )
    except ActivityError as error:
        raise failures.of_phase(error) from None
    state.learn(authority)
