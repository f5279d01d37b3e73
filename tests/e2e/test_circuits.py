"""Open circuits as people meet them: runs wait where that is seen, no try is burnt, all goes on.

The servers that fail are the test's own, named to ``mandate up`` as a person's servers are.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from temporalio.api.enums.v1 import EventType

from integrations.ledger.verify import TAIL_MAX, tail
from integrations.vault.client import Vault
from tests.fixtures.engine import gate, pipeline, stage
from tests.fixtures.person import Somebody
from tests.fixtures.servers.openbao import People
from tests.fixtures.stack import result_of, until_gate
from tests.integration.stack.probes import eventually

BACK_S = 3.0  # after the system is back, runs go on within that
WAITS_S = 90.0
WHY = ("--reason", "it is being moved")


@pytest.fixture(scope="module")
async def ann(tmp_path_factory, bao, up) -> Somebody:
    vault = Vault(bao.url)
    people = People(bao, vault)
    await people.make()
    vault.close()
    somebody = Somebody("ann", people.password("ann"), tmp_path_factory.mktemp("ann"), up.env)
    await somebody.log_in()
    return somebody


def gated():
    return pipeline(
        stage("plan"), gate("review", requires=["plan"]), stage("apply", requires=["review"])
    )


async def detail_of(run, path):
    stages = (await run.query("status"))["stages"]
    return stages[path]["detail"] if path in stages else ""


async def until_waits(run, path, circuit):
    async def waits():
        return f"waits for circuit {circuit}" in await detail_of(run, path)

    await eventually(waits, within_s=WAITS_S)
    return await detail_of(run, path)


async def events(up, workflow_id):
    handle = (await up.client()).get_workflow_handle(workflow_id)
    return [event async for event in handle.fetch_history_events()]


async def timers(up, workflow_id):
    """Return what the timers of a workflow say."""
    summaries = [
        event.user_metadata.summary.data.decode()
        for event in await events(up, workflow_id)
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
    return [each.strip('"').replace("\\\\", "") for each in summaries]


async def went_on_at(up, workflow_id):
    """Return when the last look of a stage that has waited was answered, in seconds since 1970."""
    ids, times = {}, []
    for event in await events(up, workflow_id):
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            ids[event.event_id] = scheduled.activity_type.name
        if event.HasField("activity_task_completed_event_attributes"):
            of = event.activity_task_completed_event_attributes.scheduled_event_id
            if ids.get(of) == "circuit.look":
                times.append(event.event_time.ToNanoseconds() / 1e9)
    return times[-1]


@pytest.mark.parametrize("outage", ["sealed", "frozen"])
async def test_a_vault_that_is_away_opens_its_circuit_and_runs_wait_visibly(up, bao, ann, outage):
    run = await up.start(gated())
    await until_gate(run, "review")
    if outage == "sealed":
        bao.as_root("PUT", "sys/seal")
    else:
        bao.pause()
    try:
        await up.vote(run.id, "review")
        said = await until_waits(run, "apply", "vault")
        child = f"{run.id}/apply"
        agent = (await up.client()).get_workflow_handle(child)
        status = await agent.query("status")
        shown = await ann.mandate("show", run.id)
        listed = await ann.mandate("breaker", "list")
        code, found = await up.cli(
            *("workflow", "list", "--query", 'MandateStatus="waits for circuit vault"')
        )
    finally:
        if outage == "sealed":
            bao.stop()
            bao.start()  # the fixture unseals it
        else:
            bao.resume()
    back = time.time()
    report = await result_of(run)

    assert "half-open in" in said
    assert status["waits_for"].startswith("waits for circuit vault: ")
    assert status["attempts"] == 0
    assert "waits for circuit vault" in shown.out
    assert "vault" in listed.out
    assert (code, child in found) == (0, True)
    assert any("waits for circuit vault" in each for each in await timers(up, child))
    assert await went_on_at(up, child) - back < BACK_S
    assert report["stages"]["apply"]["attempts"] == 1
    assert report["stages"]["apply"]["detail"] == ""
    up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_a_person_holds_all_back_and_lets_all_go_on_and_both_are_on_the_ledger(up, ann):
    ordered = await ann.mandate("breaker", "open", "artifacts", *WHY)
    assert ordered.code == 0, ordered
    listed = await ann.mandate("breaker", "list")
    run = await up.start(pipeline(stage("look")))
    said = await until_waits(run, "look", "artifacts")
    reset = await ann.mandate("breaker", "reset", "artifacts", *WHY)
    assert reset.code == 0, reset
    report = await result_of(run)

    assert "forced open until somebody resets it" in said
    assert "artifacts  forced-open  until somebody resets it" in listed.out
    assert "circuit artifacts is closed; it was forced-open" in reset.out
    assert report["stages"]["look"]["attempts"] == 1
    told = [
        (entry.action, entry.payload["order"], entry.payload["by"], entry.payload["how"])
        for entry in tail(up.ledger, TAIL_MAX)
        if entry.action in ("circuit.ordered", "circuit.changed")
    ]
    assert told == [
        ("circuit.ordered", "open", "ann", "proven"),
        ("circuit.changed", "open", "ann", "proven"),
        ("circuit.ordered", "reset", "ann", "proven"),
        ("circuit.changed", "reset", "ann", "proven"),
    ]


async def test_an_unknown_circuit_is_refused_with_the_names_of_those_there_are(up, ann):
    said = await ann.mandate("breaker", "open", "valut", *WHY)
    assert said.code == 2
    assert "there are artifacts, dragonfly, ledger, vault" in said.err


async def test_who_is_not_logged_in_is_named_as_claimed(up, tmp_path):
    stranger = Somebody("cyd", "", tmp_path, up.env)
    said = await stranger.mandate("breaker", "reset", "ledger", *WHY)
    assert (said.code, "(claimed)" in said.out) == (0, True), said


async def test_an_agent_that_is_revoked_while_it_waits_stays_revoked(up, ann):
    assert (await ann.mandate("breaker", "open", "dragonfly", *WHY)).code == 0
    run = await up.start(pipeline(stage("look")))
    await until_waits(run, "look", "dragonfly")
    child = (await up.client()).get_workflow_handle(f"{run.id}/look")
    agent = (await child.query("status"))["agent"]
    revoked = await ann.mandate("revoke", agent, "--reason", "not this one")
    assert (await ann.mandate("breaker", "reset", "dragonfly", *WHY)).code == 0
    async with asyncio.timeout(60):
        with pytest.raises(Exception, match="Workflow execution failed"):
            await run.result()

    assert revoked.code == 0, revoked
    assert (await run.query("status"))["stages"]["look"]["status"] == "revoked"
