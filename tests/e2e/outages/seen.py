"""What an outage looks like to whoever waits for a run: when it says so, and when it goes on."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from tests.fixtures.engine import gate, pipeline, stage
from tests.fixtures.person import Somebody
from tests.fixtures.stack import POLL_S, RUN_S, MandateUp

# A call and a look are waited for, a second each; the calls alone would take eight or ten.
SAYS_WITHIN_S: Final = 6.0
GOES_ON_S: Final = 3.0  # after the system is back, at the median of what a module waits for
GOES_ON_WITHIN_S: Final = 10.0  # each; a beat that is missed takes 15
WAITED_FOR: Final = "apply"  # the stage that waits

Run = WorkflowHandle[Any, Any]


def gated() -> dict[str, Any]:
    """Two agents with a gate between them."""
    return pipeline(
        stage("plan"), gate("review", requires=["plan"]), stage("apply", requires=["review"])
    )


async def until_says(up: MandateUp, run: Run) -> tuple[str, float]:
    """Wait until the run says what it waits for; return its words, and how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(RUN_S):
        while True:
            said = await _detail(run) or await _failing(up, run)
            if said:
                return said, time.monotonic() - began
            await asyncio.sleep(POLL_S)


async def went_on_after(up: MandateUp, run: Run, back: float, *, stage: str = WAITED_FOR) -> float:
    """Return how long after ``back``, in seconds since 1970, the run or its stage went on."""
    client = await up.client()
    times = [
        event.event_time.ToNanoseconds() / 1e9
        for workflow in (run.id, f"{run.id}/{stage}")
        async for event in client.get_workflow_handle(workflow).fetch_history_events()
        if event.HasField("activity_task_completed_event_attributes")
        or event.HasField("marker_recorded_event_attributes")
    ]
    return min(each for each in times if each > back) - back


async def revoked_agent(up: MandateUp, ann: Somebody) -> dict[str, Any]:
    """Return a pipeline whose agent was revoked by a person, after a first run."""
    document = pipeline(stage("look"))
    run = await up.start(document)
    await run.result()
    status = await (await up.client()).get_workflow_handle(f"{run.id}/look").query("status")
    said = await ann.mandate("revoke", status["agent"], "--reason", "not this one")
    assert said.code == 0, said
    return document


async def must_be_refused(run: Run) -> None:
    """Wait for the end of a run whose agent is revoked."""
    with pytest.raises(WorkflowFailureError) as failure:
        async with asyncio.timeout(RUN_S):
            await run.result()
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "Revoked", cause


async def _detail(run: Run) -> str:
    stages = (await run.query("status"))["stages"]
    detail = str(stages.get(WAITED_FOR, {}).get("detail", ""))
    return detail if "waits for circuit" in detail else ""


async def _failing(up: MandateUp, run: Run) -> str:
    """Return the last failure of an activity that is tried again."""
    client = await up.client()
    for workflow in (run.id, f"{run.id}/{WAITED_FOR}"):
        try:
            state = await client.get_workflow_handle(workflow).describe()
        except RPCError:  # it is not there yet
            continue
        for each in state.raw_description.pending_activities:
            if each.HasField("last_failure"):
                return str(each.last_failure.message)
    return ""
