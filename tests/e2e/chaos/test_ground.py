"""What is refused on a stack of experiments is told as such, and nothing is lost by it."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType

from dsl.core import ChaosCondition
from integrations.chaos.fault import NotOursError
from integrations.errors import NotFoundError, UnavailableError
from mandate.work.chaos.ground.injection import aims_of
from mandate.work.chaos.ground.orders_of_people import OpenCircuit
from mandate.work.chaos.ground.struck_run import StruckRun
from mandate.work.chaos.seen.histories import Gathered, gather


async def test_an_order_that_is_refused_is_told_and_is_reset_as_long_as_it_takes(arena):
    circuit = OpenCircuit(arena, "no circuit of that kind!")

    with pytest.raises(UnavailableError, match="open was refused"):
        await circuit.strike()
    for _ in range(2):  # it is not reset yet
        with pytest.raises(UnavailableError, match="reset was refused"):
            await circuit.undo()


@pytest.mark.parametrize(
    "fault", [ChaosCondition.LOCK_LOSS, ChaosCondition.LEASE_EXPIRY, ChaosCondition.AGENT_CRASH]
)
async def test_a_stage_that_was_not_started_is_nothing_of_ours(arena, fault):
    run = StruckRun(arena.client, "never-started", "never", 1.0)

    with pytest.raises(NotOursError, match="never-started/python was not started"):
        await aims_of(arena, fault, "python", [(run, "python")])[0]


async def test_an_event_of_a_run_is_waited_for_until_it_comes(arena):
    run = StruckRun(arena.client, "waited-for", "waited-for", 60.0)
    child = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
    waiting = asyncio.create_task(run.until_event(child))  # of what is not there yet
    await run.start(arena.pipeline(run.objective))
    async with asyncio.timeout(60):
        await waiting
    assert child in [each.event_type async for each in run.events()]

    await run.handle.terminate("seen")
    async with asyncio.timeout(60):  # what never comes is not waited for when it is over
        await run.until_event(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)


async def test_a_history_of_nobody_is_told_by_name(arena):
    with pytest.raises(NotFoundError, match="never-started"):
        await gather(arena.client, ["never-started"], Gathered())
