"""Vault sealed, Dragonfly away or emptied, the ledger's disk full: runs wait, visibly, and go on.

The servers that fail are the test's own, named to ``mandate up`` as a person's servers are: so
nobody starts them again but the test.
"""

from __future__ import annotations

import asyncio
import resource

import pytest

from tests.fixtures.engine import gate, pipeline, stage
from tests.fixtures.stack import result_of, until_gate
from tests.integration.stack.probes import eventually

# Several times what a stage of the shortest kind takes.
LONG_ENOUGH_S = 2.0


def gated():
    """Two agents with a gate between them."""
    return pipeline(
        stage("plan"), gate("review", requires=["plan"]), stage("apply", requires=["review"])
    )


async def activities_of(up, workflow_id) -> list[str]:
    run = (await up.client()).get_workflow_handle(workflow_id)
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        async for event in run.fetch_history_events()
    ]


async def test_a_sealed_vault_is_waited_for(up, bao):
    waiting = await up.start(gated())
    await until_gate(waiting, "review")

    bao.as_root("PUT", "sys/seal")
    fresh = await up.start(pipeline(stage("look")))
    await up.vote(waiting.id, "review")
    shown = [
        await up.until_shown_failing(f"{waiting.id}/apply", "agent.bootstrap"),
        await up.until_shown_failing(fresh.id, "trust.register"),
    ]
    bao.stop()
    bao.start()  # the fixture unseals it
    await result_of(waiting)
    await result_of(fresh)

    assert all("vault is sealed" in why for why in shown)
    up.check_ledger(waiting.id, agents=["plan", "apply"], gates=1)
    up.check_ledger(fresh.id, agents=["look"])


@pytest.mark.parametrize("outage", ["dead", "frozen"])
async def test_a_dragonfly_that_is_away_is_waited_for(up, store, outage):
    away, back = {"dead": (store.stop, store.start), "frozen": (store.pause, store.resume)}[outage]
    run = await up.start(gated())
    await until_gate(run, "review")

    away()
    try:
        await up.vote(run.id, "review")
        shown = await up.until_shown_failing(f"{run.id}/apply", "agent.bootstrap")
    finally:
        back()
    await result_of(run)

    assert "no service from dragonfly" in shown
    up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_an_emptied_dragonfly_stops_who_works_and_grants_nothing_until_the_ledger_is_asked(
    up, store
):
    slow = up.slow_folder()
    run = await up.start(pipeline(stage("look", config={"inputs": {"path": slow.name}})))
    await up.until_agent_works()

    store.flush()
    # The lease cannot be renewed any more: its agent is stopped before another could begin.
    await eventually(lambda: not up.agents(), within_s=30)
    slow.empty()
    report = await result_of(run)

    assert report["stages"]["look"]["attempts"] == 1  # the agent has not failed
    assert "ledger.authority" in await activities_of(up, f"{run.id}/look")
    up.check_ledger(run.id, agents=["look"])


async def test_a_full_disk_under_the_ledger_stops_everything_before_its_effect(up):
    run = await up.start(gated())
    await until_gate(run, "review")
    ledger = up.pid("ledger")
    limits = resource.prlimit(ledger, resource.RLIMIT_FSIZE)

    resource.prlimit(ledger, resource.RLIMIT_FSIZE, (0, limits[1]))  # no file may be written to
    try:
        await up.vote(run.id, "review")
        shown = await up.until_shown_failing(run.id, "ledger.record")
        await asyncio.sleep(LONG_ENOUGH_S)
        status = await run.query("status")
    finally:
        resource.prlimit(ledger, resource.RLIMIT_FSIZE, limits)
    await result_of(run)

    assert "cannot append to the ledger" in shown
    assert status["stages"]["apply"]["status"] == "pending"
    assert up.pid("ledger") == ledger  # the same writer goes on
    up.check_ledger(run.id, agents=["plan", "apply"], gates=1)
