"""What people are asked while an agent works: its questions, and the calls they decide on.

1. It is put beside the agent, which goes on or waits as it likes.
2. Who rejects a question ends the agent; a call that is rejected is denied, see
   ``workflows.run.questions.call_gates``.
3. Where the agent is over without an answer, what is open is closed. A question stays open where
   the agent only waits to go on with its answer; a call does not: who goes on makes it anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from activities.contracts import messages
from dsl.plan import AgentStep
from workflows.run.questions.call_gates import CallGates, Child
from workflows.run.questions.questions import Questions
from workflows.runtime.cancellation import stop, stop_each


async def attended(
    step: AgentStep,
    running: Coroutine[Any, Any, messages.AgentReport],
    child: Child,
    *,
    questions: Questions,
    calls: CallGates,
) -> messages.AgentReport:
    """Run an agent, and put meanwhile what it asks (1).

    Raises:
        StageEndedError: people rejected a question, or did not answer it in time (2).
    """
    work = asyncio.create_task(running)
    asking = [asyncio.create_task(questions.attend(step, child))] if step.questions else []
    if step.tools:
        asking.append(asyncio.create_task(calls.attend(step, child)))
    cancelled: asyncio.CancelledError | None = None
    try:
        await asyncio.wait((work, *asking), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError as error:
        cancelled = error
    is_refused = not work.done() and any(each.done() for each in asking)
    if cancelled is not None or is_refused:
        cancelled = await stop(work) or cancelled
    refused = [each for each in asking if each.done()] if is_refused else []
    cancelled = await stop_each(asking) or cancelled
    is_parked = not work.cancelled() and not work.exception() and work.result().asked
    if not is_parked:  # (3) closed, or it goes on with it
        cancelled = await questions.close(step.path) or cancelled
    cancelled = await calls.close(step.path) or cancelled
    if cancelled is not None:
        raise cancelled
    for each in refused:
        each.result()
    return work.result()
