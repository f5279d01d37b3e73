"""How an agent stage is left: EXIT or REVOKED, and the last word on the ledger.

1. EXIT runs whatever happened, within two minutes, beside the record of the end; after a
   revocation REVOKED runs instead.
2. What follows on violations is waited for as long, and recorded after; so is what was erred in a
   phase that was cut short, which EXIT tells of.
3. Who has used up all tries is judged by what the ledger says of the runs before.
4. What cannot be put on the ledger goes back to the parent, whose next record carries it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs
from activities.contracts.resumption import Violated
from dsl import actions
from dsl.core import AgentPhase, StageStatus
from dsl.rules.trust.violations import Violation, uses_up_its_budget
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.stage_state import StageState
from workflows.lifecycle.violations import Consequences
from workflows.runtime import failures
from workflows.runtime.cancellation import CLEANING

_LAST_WORD_MIN: Final = timedelta(seconds=10)
DETAIL_LENGTH_MAX: Final = 500  # characters, as recorded


async def leave(
    state: StageState, consequences: Consequences, status: StageStatus, detail: str, **facts: object
) -> tuple[str, ...]:
    """Let go of everything and record the end, with ``facts``; return what was not let go of."""
    began = workflow.now()
    phase = AgentPhase.REVOKED if status is StageStatus.REVOKED else AgentPhase.EXIT
    place = state.enter(phase)
    state.records.note(
        actions.AGENT_ENDED,
        status=status.value,
        detail=detail[:DETAIL_LENGTH_MAX],
        attempts=state.tries.count,
        errors=state.tries.errors,
        exhausted=state.tries.exhausted,
        phases=" ".join(state.phases),
        outputs=state.digests,
        **facts,
    )
    # Each becomes a task where it is made: none can be made while a run is evicted, and a
    # coroutine that was made before is then never awaited.
    leaving = asyncio.create_task(
        specs.PHASES[phase](
            state.phase_request(status=status.value, detail=detail[:DETAIL_LENGTH_MAX]),
            activity_id=place,
            summary=Markdown.of("{} {}", state.step.path, phase),
            give_up_after=CLEANING,
            queue=state.queue,
            local=state.is_local(phase),
        )
    )
    recording = asyncio.create_task(
        state.records.flush(
            f"{state.step.path} ended",
            exhausted_of=state.request.agent if state.tries.exhausted else None,
            give_up_after=CLEANING,
        )
    )
    # (1) whatever happened, beside the record
    left, recorded = await asyncio.gather(leaving, recording, return_exceptions=True)
    for answer in (left, recorded):
        if isinstance(answer, BaseException) and not isinstance(answer, ActivityError):
            raise answer
    if isinstance(left, messages.PhaseResult):
        state.keep_left(left)
    if isinstance(recorded, messages.RecordResult):
        # (3) by the runs before
        _judge_tries(state, consequences, recorded.exhausted_in_a_row, place)
    await consequences.settle()  # (2) waited for as long
    if isinstance(recorded, messages.RecordResult) and state.records.unrecorded:
        within = max(CLEANING - (workflow.now() - began), _LAST_WORD_MIN)
        # (4) what is left goes to the parent
        await state.records.flush_last(f"{state.step.path}: what followed", within)
    if isinstance(left, ActivityError):
        return (f"lease ({failures.cause_of(left)[1]})",)
    return left.unreleased if isinstance(left, messages.PhaseResult) else ()


def _judge_tries(
    state: StageState, consequences: Consequences, exhausted_in_a_row: int, place: str
) -> None:
    if uses_up_its_budget(exhausted_in_a_row):
        detail = f"it used up all tries in {exhausted_in_a_row} runs in a row"
        violated = Violated(kind=Violation.BUDGET_EXHAUSTED, detail=detail)
        consequences.see((violated,), place)
