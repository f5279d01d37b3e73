"""A phase whose work somebody else's worker does: begun, held, heard, and stopped.

1. Ours before: the lease is taken, so a revoked agent, or one out of order, begins nothing.
2. Ours beside it: the lease is held. Where it cannot be proved any more the work is told to stop,
   and the try ends as that says.
3. Told to stop, it has a while to end: an activity hears of it with its next sign of life. It is
   waited for no longer than that; what has not said that it ended is told, in the report and on the
   ledger, and no further try is begun beside it.
4. Nobody waits for a worker in secret: where none has taken the activity by the end, that is said.
5. What it brings after it was told to stop is thrown away. That is no violation: it may not have
   heard.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

from activities.contracts import delegation_specs
from activities.contracts.resumption import Heard
from dsl.core import AgentPhase
from dsl.limits import BODY_STOP_MS, WORKFLOW_STOP_MS
from dsl.plan import RuntimePlan
from dsl.shown.surfaces import Markdown
from dsl.values.durations import render_duration
from workflows.lifecycle.body import GRACE, Body
from workflows.lifecycle.stage_state import StageState
from workflows.runtime.cancellation import shielded, stop


async def delegated(
    state: StageState, runtime: RuntimePlan, phase: AgentPhase, place: str
) -> Heard:
    """Have the work of ``phase`` done; return what came of it.

    Raises:
        ActivityError: it was not begun (1), or not held (2).
        PhaseFailedError: it could not be begun.
        asyncio.CancelledError: told to stop; it has ended, or that is told (3).
    """
    path = state.step.path
    asked = delegation_specs.DelegationRequest(
        phase=phase, request=state.phase_request(seed=state.take_seed())
    )
    begun = await delegation_specs.begin(  # (1) ours before
        asked,
        activity_id=f"{place}/begin",
        summary=Markdown.of("{} {}: the lease", path, phase),
        local=True,
    )
    body = Body(state, runtime, phase, place)
    work = asyncio.create_task(body.run(begun.fence))
    hold = asyncio.create_task(  # (2) ours beside it
        delegation_specs.hold(
            asked.model_copy(update={"request": state.phase_request()}),
            activity_id=f"{place}/hold",
            summary=Markdown.of("{} {}: holding the lease", path, phase),
            limit=timedelta(milliseconds=state.step.timeout_ms) + GRACE,
        )
    )
    try:
        await workflow.wait((work, hold), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await shielded(_stop(state, body, work, hold))
        raise
    if not work.done():
        await shielded(_stop(state, body, work, hold))
        hold.result()
    cancelled = await stop(hold)
    if cancelled is not None:
        raise cancelled
    return work.result()


async def _stop(
    state: StageState, body: Body, work: asyncio.Task[Heard], hold: asyncio.Task[Any]
) -> None:
    """Tell the work to stop, and wait until it has, for a while (3)."""
    work.cancel()
    runtime = body.runtime
    patience_ms = (
        WORKFLOW_STOP_MS if runtime.heartbeat_ms is None else runtime.heartbeat_ms + BODY_STOP_MS
    )
    try:
        await workflow.wait_condition(
            work.done,
            timeout=timedelta(milliseconds=patience_ms),
            timeout_summary=Markdown.of("{}: {} is to stop", state.step.path, runtime),
        )
    except TimeoutError:
        then = "it may be at work still" if runtime.kind == "activity" else "it is terminated"
        state.tries.not_stopped(
            f"{runtime} did not end within {render_duration(patience_ms)} of being told to: {then}"
        )
    await stop(hold)
    if work.done() and not body.was_taken:  # (4) nobody waits in secret
        state.tries.not_taken(f"no worker took {runtime}")
