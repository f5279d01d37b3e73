"""Servers away, slow or emptied, the ledger's disk full: runs wait, visibly, and go on at once.

The servers that fail are the test's own, named to ``mandate up`` as a person's servers are: so
nobody starts them again but the test. Vault sealed or frozen is in ``test_circuits.py``. In each
outage an agent is started that was revoked before: it stays revoked. All go on within ten seconds,
and within three at the median.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable

import pytest

from dsl.actions import AGENT_REVOKED
from integrations.ledger.verify import TAIL_MAX, tail
from tests.e2e.outages.seen import (
    GOES_ON_S,
    GOES_ON_WITHIN_S,
    SAYS_WITHIN_S,
    gated,
    must_be_refused,
    revoked_agent,
    until_says,
    went_on_after,
)
from tests.fixtures.dragonfly.lost_replies import LostReplies
from tests.fixtures.engine import pipeline, stage
from tests.fixtures.person import person_of
from tests.fixtures.stack import result_of, until_gate
from tests.fixtures.timing.medians import held_at_the_median
from tests.integration.stack.probes import eventually

SLOW_S = 2.0
# Several times what a stage of the shortest kind takes.
LONG_ENOUGH_S = 2.0


@pytest.fixture(scope="module")
async def wire(store):
    """What stands between Dragonfly and all who use it."""
    async with LostReplies(store.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def servers(servers, wire):
    return {**servers, "MANDATE_DRAGONFLY_URL": wire.url}


@pytest.fixture(scope="module")
async def ann(tmp_path_factory, bao, up):
    return await person_of(bao, tmp_path_factory.mktemp("ann"), "ann", up.env)


@pytest.fixture(scope="module")
async def revoked(up, ann):
    return await revoked_agent(up, ann)


@pytest.fixture(scope="module")
def went_on():
    """How long after each outage a run went on."""
    with held_at_the_median(GOES_ON_S, of=5) as told:
        yield told


Step = Callable[[], Awaitable[None]]


@pytest.fixture
def outages(up, store, bao, wire) -> dict[str, tuple[Step, Step, str]]:
    """How each begins and ends, and what is said of it; nothing: it is over at once."""

    def away_from_the_loop(*steps: Callable[[], None]) -> Step:  # the proxy lives in it
        async def do() -> None:
            for step in steps:
                await asyncio.to_thread(step)

        return do

    async def slow() -> None:
        wire.late_s = SLOW_S

    async def fast() -> None:
        wire.late_s = 0.0

    ledger = up.pid("ledger")
    limits = resource.prlimit(ledger, resource.RLIMIT_FSIZE)

    def let_write(most: int) -> Step:
        async def do() -> None:
            resource.prlimit(ledger, resource.RLIMIT_FSIZE, (most, limits[1]))

        return do

    nothing = away_from_the_loop()
    of_dragonfly, of_ledger = "dragonfly", "cannot append to the ledger"
    return {
        "dragonfly killed": (
            away_from_the_loop(store.stop),
            away_from_the_loop(store.start),
            of_dragonfly,
        ),
        "dragonfly frozen": (
            away_from_the_loop(store.pause),
            away_from_the_loop(store.resume),
            of_dragonfly,
        ),
        "dragonfly restarted empty": (away_from_the_loop(store.stop, store.start), nothing, ""),
        "dragonfly slow": (slow, fast, of_dragonfly),
        "vault restarted": (away_from_the_loop(bao.stop, bao.start), nothing, ""),
        "ledger disk full": (let_write(0), let_write(limits[0]), of_ledger),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "dragonfly killed",
        "dragonfly frozen",
        "dragonfly restarted empty",
        "dragonfly slow",
        "vault restarted",
        "ledger disk full",
    ],
)
async def test_what_waits_says_so_goes_on_at_once_and_nothing_is_lost(
    up, outages, revoked, kind, *, went_on, record_property
):
    run = await up.start(gated())
    await until_gate(run, "review")
    begin, end, words = outages[kind]
    ledger = up.pid("ledger")

    await begin()
    try:
        await up.vote(run.id, "review")
        said, said_s = await until_says(up, run) if words else ("", 0.0)
        refused = await up.start(revoked)
        if words:
            await asyncio.sleep(LONG_ENOUGH_S)
            waiting = (await run.query("status"))["stages"]["apply"]
            assert waiting["status"] in ("pending", "running"), waiting
    finally:
        await end()
    back = time.time()
    report = await result_of(run)
    await must_be_refused(refused)
    went_on_s = await went_on_after(up, run, back)
    went_on.append(went_on_s)
    record_property("says_s", round(said_s, 1))
    record_property("goes_on_s", round(went_on_s, 1))
    print(f"{kind}: says so after {said_s:.1f} s, goes on after {went_on_s:.1f} s: {said}")

    assert words in said
    assert said_s < SAYS_WITHIN_S
    assert went_on_s < GOES_ON_WITHIN_S
    assert report["stages"]["apply"]["attempts"] == 1
    assert up.pid("ledger") == ledger  # the same writer goes on
    up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_who_is_not_known_yet_waits_for_a_sealed_vault_too(up, bao):
    bao.as_root("PUT", "sys/seal")
    fresh = await up.start(pipeline(stage("look")))
    shown = await up.until_shown_failing(fresh.id, "trust.register")
    await asyncio.to_thread(bao.stop)
    await asyncio.to_thread(bao.start)  # the fixture unseals it
    await result_of(fresh)

    assert "vault is sealed" in shown
    up.check_ledger(fresh.id, agents=["look"])


async def activities_of(up, workflow_id) -> list[str]:
    run = (await up.client()).get_workflow_handle(workflow_id)
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        async for event in run.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


@pytest.mark.parametrize("lost", ["emptied", "killed"])
async def test_a_dragonfly_lost_in_mid_run_stops_who_works_and_grants_nothing_but_by_the_ledger(
    up, store, went_on, lost
):
    slow = up.slow_folder()
    run = await up.start(pipeline(stage("look", config={"inputs": {"path": slow.name}})))
    await up.until_agent_works()

    await asyncio.to_thread(store.flush if lost == "emptied" else store.stop)
    # The lease cannot be renewed any more: its agent is stopped before another could begin.
    await eventually(lambda: not up.agents(), within_s=30)
    slow.empty()
    if lost == "killed":
        await asyncio.to_thread(store.start)  # empty
    back = time.time()
    report = await result_of(run)
    went_on_s = await went_on_after(up, run, back, stage="look")
    went_on.append(went_on_s)
    print(f"dragonfly {lost} in mid-run: goes on after {went_on_s:.1f} s")

    assert went_on_s < GOES_ON_WITHIN_S
    assert report["stages"]["look"]["attempts"] == 1  # the agent has not failed
    assert "ledger.authority" in await activities_of(up, f"{run.id}/look")
    up.check_ledger(run.id, agents=["look"])


async def test_who_is_revoked_while_dragonfly_is_lost_in_mid_run_stays_revoked(up, store, ann):
    slow = up.slow_folder()
    document = pipeline(stage("look", config={"inputs": {"path": slow.name}}))
    run = await up.start(document)
    await up.until_agent_works()
    child = (await up.client()).get_workflow_handle(f"{run.id}/look")
    agent = (await child.query("status"))["agent"]

    await asyncio.to_thread(store.stop)
    revoking = asyncio.create_task(ann.mandate("revoke", agent, "--reason", "not this one"))
    await eventually(lambda: not up.agents(), within_s=60)
    await eventually(lambda: _is_revoked(up, agent), within_s=60)
    slow.empty()
    await asyncio.to_thread(store.start)  # empty: nobody there has ever heard of it
    await must_be_refused(run)
    revoked = await revoking
    await must_be_refused(await up.start(document))

    assert revoked.code == 0, revoked
    assert (await run.query("status"))["stages"]["look"]["status"] == "revoked"


def _is_revoked(up, agent) -> bool:
    return any(
        (entry.action, entry.agent) == (AGENT_REVOKED, agent) for entry in tail(up.ledger, TAIL_MAX)
    )
