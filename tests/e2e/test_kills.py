"""``kill -9`` of the worker, of the Temporal server and of everything: runs go on, once.

One stack for all of it, as it is started again by whoever was not killed. The worker in EXECUTE is
struck once by each signal; ``make stress`` does so twenty times.

What makes them go on at once is read in their histories, where no machine is busy; the times that
are held beside it only tell it from the slower ways.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.api.enums.v1 import EventType

from dsl.rules.reconciliation.forged import WORKER_DIED
from tests.fixtures.engine import OUTSIDE, gate, pipeline, stage
from tests.fixtures.history import activities_in, failed_before, given_up, seconds
from tests.fixtures.hostile.striking import ROUND_S, STRUCK, strike_again_and_again
from tests.fixtures.outside.worker import DONE, serving
from tests.fixtures.stack import MandateUp, result_of, until_gate
from tests.integration.stack.probes import eventually, is_dead

NEXT_PHASE_S = 8.0  # the task that a dead worker has taken is its own for ten
STICKY_S = 2.0  # what was put on a dead worker's own queue is taken off it after one
NOTICED_S = 10.0  # after a kill: then Temporal may miss a heartbeat before a worker is there
GOES_ON_S = 10.0  # after a worker is there again: sooner than a heartbeat is missed, 15 s


@pytest_asyncio.fixture(scope="module")
async def mandate_up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MandateUp]:
    """One that knows an agent whose work somebody else does."""
    variables = {"MANDATE_TEMPLATES": str(OUTSIDE)}
    async with MandateUp(tmp_path_factory.mktemp("up"), variables) as running:
        yield running


def gated():
    """Two agents with a gate between them."""
    return pipeline(
        stage("plan"), gate("review", requires=["plan"]), stage("apply", requires=["review"])
    )


def looking_at(folder):
    return pipeline(stage("look", config={"inputs": {"path": folder.name}}))


async def events_of(up, workflow_id):
    handle = (await up.client()).get_workflow_handle(workflow_id)
    return [event async for event in handle.fetch_history_events()]


def when_signalled(events) -> float:
    """Return when the run was signalled, by the server's clock."""
    [vote] = [
        event
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    return seconds(vote)


def when_done(events, activity) -> float:
    """Return when a local activity stood in history, by the server's clock."""
    [done] = [each.event for each in activities_in(events) if each.type == activity]
    [marker] = [event for event in events if event.event_id == done]
    return seconds(marker)


async def test_a_worker_killed_in_execute_takes_its_agent_along_and_the_run_completes(mandate_up):
    slow = mandate_up.slow_folder()
    run = await mandate_up.start(looking_at(slow))
    agents = await mandate_up.until_agent_works()

    killed = time.monotonic()
    await mandate_up.kill("worker")
    await eventually(lambda: all(map(is_dead, agents)))
    await mandate_up.until_back("worker")
    back_s = time.monotonic() - killed
    await eventually(lambda: bool(mandate_up.agents()), within_s=GOES_ON_S)
    slow.empty()
    report = await result_of(run)

    assert report["stages"]["look"]["attempts"] == 1  # the agent has not failed
    # Failed by the next worker as it came: nobody has waited for a heartbeat to be missed.
    child = await events_of(mandate_up, f"{run.id}/look")
    if back_s < NOTICED_S:
        assert failed_before(child, "look/EXECUTE#1") == WORKER_DIED
    mandate_up.check_ledger(run.id, agents=["look"])


async def test_a_vote_after_the_worker_was_killed_starts_the_next_phase_at_once(
    mandate_up,
):
    run = await mandate_up.start(gated())
    await until_gate(run, "review")

    await mandate_up.kill("worker")
    await mandate_up.until_back("worker")
    await mandate_up.vote(run.id, "review")
    await result_of(run)

    told = await events_of(mandate_up, run.id)
    apply = await events_of(mandate_up, f"{run.id}/apply")
    voted = when_signalled(told)
    assert when_done(apply, "agent.bootstrap") - voted <= NEXT_PHASE_S
    # No task was with the worker that died, and what was put on its queue was soon taken off.
    lost = list(given_up(told, voted))
    assert [why for why, s in lost if why != "TIMEOUT_TYPE_SCHEDULE_TO_START" or s > STICKY_S] == []
    mandate_up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


@pytest.mark.parametrize("name", ["worker", "ledger"])
async def test_a_vote_given_while_a_worker_is_away_is_not_lost(mandate_up, name):
    run = await mandate_up.start(gated())
    await until_gate(run, "review")

    await mandate_up.kill(name)
    await mandate_up.vote(run.id, "review")
    await result_of(run)

    mandate_up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_a_gate_survives_the_death_of_the_temporal_server(mandate_up):
    run = await mandate_up.start(gated())
    await until_gate(run, "review")
    workers = {name: mandate_up.pid(name) for name in ("worker", "trust", "ledger")}

    await mandate_up.kill("temporal")
    await mandate_up.until_back("temporal")
    await mandate_up.vote(run.id, "review")
    await result_of(run)

    assert {name: mandate_up.pid(name) for name in workers} == workers  # they waited for it
    mandate_up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_work_that_somebody_else_does_goes_on_and_is_begun_once(mandate_up):
    released = asyncio.Event()

    async def work_until_released(_request: dict[str, Any]) -> Any:
        while not released.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.1)
        return DONE

    async with serving(mandate_up.env["TEMPORAL_ADDRESS"]) as outside:
        outside.behaviours["work"] = work_until_released
        run = await mandate_up.start(pipeline(stage("work", template="outside-activity")))
        await outside.until_asked("work")
        await mandate_up.kill("worker")
        await mandate_up.until_back("worker")
        released.set()
        report = await result_of(run)

    assert report["stages"]["work"]["output"] == DONE["output"]
    assert report["stages"]["work"]["attempts"] == 1
    assert len(outside.requests) == 1
    assert outside.cancelled == []
    mandate_up.check_ledger(run.id, agents=["work"])


async def test_all_runs_complete_after_everything_was_killed_at_once(mandate_up):
    waiting = await mandate_up.start(gated())
    await until_gate(waiting, "review")
    slow = mandate_up.slow_folder()
    working = await mandate_up.start(looking_at(slow))
    agents = await mandate_up.until_agent_works()

    await mandate_up.kill_everything()
    await eventually(lambda: all(map(is_dead, agents)))
    slow.empty()
    await mandate_up.up()
    await mandate_up.vote(waiting.id, "review")
    client = await mandate_up.client()
    for run in (waiting, working):
        await result_of(client.get_workflow_handle(run.id))

    mandate_up.check_ledger(waiting.id, agents=["plan", "apply"], gates=1)
    mandate_up.check_ledger(working.id, agents=["look"])


@pytest.mark.timeout(ROUND_S)
@pytest.mark.parametrize("number", STRUCK, ids=lambda number: number.name)
async def test_a_worker_that_is_struck_in_execute_leaves_one_program_at_a_time(
    mandate_up, workers, number
):
    await strike_again_and_again(mandate_up, workers, number, rounds=1, seed=1)
