"""Open circuits as people meet them: runs wait where that is seen, no try is burnt, all goes on.

The servers that fail are the test's own, named to ``mandate up`` as a person's servers are.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
from activities.contracts.specs import QUEUE
from dsl.rules.run.reserved import circuit_id
from integrations.health.breakers import TELL_EVERY_S
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
from tests.fixtures.engine import pipeline, stage
from tests.fixtures.person import Somebody, person_of
from tests.fixtures.stack import MandateUp, result_of, until_gate
from tests.fixtures.timing.medians import held_at_the_median
from tests.integration.stack.probes import eventually

WAITS_S = 90.0
WHY = ("--reason", "it is being moved")


@pytest.fixture(scope="module")
def servers(servers, tmp_path_factory):
    """As usual, and a site's circuit of artifacts that opens by its last six calls."""
    breakers = tmp_path_factory.mktemp("breakers") / "breakers.yaml"
    breakers.write_text("circuits: {artifacts: {window_calls: 6}}\n")
    return {**servers, "MANDATE_BREAKERS": str(breakers)}


@pytest.fixture(scope="module")
async def ann(tmp_path_factory, bao, up) -> Somebody:
    return await person_of(bao, tmp_path_factory.mktemp("ann"), "ann", up.env)


@pytest.fixture(scope="module")
async def revoked(up, ann):
    return await revoked_agent(up, ann)


@pytest.fixture(scope="module")
def went_on():
    """How long after each outage a run went on."""
    with held_at_the_median(GOES_ON_S, of=3) as told:
        yield told


async def order_open(ann, circuit):
    """Order a circuit open, and wait until every process has heard of it or will before it acts."""
    ordered = await ann.mandate("breaker", "open", circuit, *WHY)
    assert ordered.code == 0, ordered
    await asyncio.sleep(TELL_EVERY_S)


async def refused_claim(up, circuit, what):
    """Order something as whoever is not logged in; return why it is refused."""
    said = {"circuit": circuit, "order": what, "reason": WHY[1], "by": "ann"}
    name = circuit_id(circuit, f"claimed-{what}")
    with pytest.raises(WorkflowFailureError) as caught:
        await (await up.client()).execute_workflow(
            CIRCUIT_WORKFLOW, said, id=name, task_queue=QUEUE
        )
    return str(caught.value.cause)


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


async def is_listed(up: MandateUp, workflow: str) -> bool:
    """Tell whether the server's list, which is a little behind, shows what a workflow waits for."""
    query = 'MandateStatus="waits for circuit vault"'
    code, found = await up.cli("workflow", "list", "--query", query)
    return code == 0 and workflow in found


@pytest.mark.parametrize("outage", ["sealed", "frozen"])
async def test_a_vault_that_is_away_opens_its_circuit_and_runs_wait_visibly(
    up, bao, ann, revoked, outage, *, went_on
):
    run = await up.start(gated())
    await until_gate(run, "review")
    away, there = {
        "sealed": (lambda: bao.as_root("PUT", "sys/seal"), lambda: (bao.stop(), bao.start())),
        "frozen": (bao.pause, bao.resume),
    }[outage]
    away()
    try:
        await up.vote(run.id, "review")
        refused = await up.start(revoked)
        _, said_s = await until_says(up, run)
        said = await until_waits(run, "apply", "vault")
        child = f"{run.id}/apply"
        agent = (await up.client()).get_workflow_handle(child)
        status = await agent.query("status")
        shown = await ann.mandate("show", run.id)
        listed = await ann.mandate("breaker", "list")
        await eventually(lambda: is_listed(up, child), within_s=30)
    finally:
        there()  # the fixture unseals it
    back = time.time()
    report = await result_of(run)
    await must_be_refused(refused)
    went_on_s = await went_on_after(up, run, back)
    went_on.append(went_on_s)
    print(f"vault {outage}: says so after {said_s:.1f} s, goes on after {went_on_s:.1f} s")

    assert said_s < SAYS_WITHIN_S
    assert "half-open in" in said
    assert status["waits_for"].startswith("waits for circuit vault: ")
    assert status["attempts"] == 0
    assert "waits for circuit vault" in shown.out
    assert "vault" in listed.out
    assert any("waits for circuit vault" in each for each in await timers(up, child))
    assert went_on_s < GOES_ON_WITHIN_S
    assert report["stages"]["apply"]["attempts"] == 1
    assert report["stages"]["apply"]["detail"] == ""
    up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_a_person_holds_all_back_and_lets_all_go_on_and_both_are_on_the_ledger(up, ann):
    await order_open(ann, "artifacts")
    listed = await ann.mandate("breaker", "list")
    read = await ann.mandate("ledger", "tail", "-n", "100")
    run = await up.start(pipeline(stage("look")))
    said = await until_waits(run, "look", "artifacts")
    health = await ann.mandate("health")
    claimed = [await refused_claim(up, "artifacts", what) for what in ("reset", "open", "close")]
    reset = await ann.mandate("breaker", "reset", "artifacts", *WHY)
    assert reset.code == 0, reset
    report = await result_of(run)

    assert "forced open until somebody resets it" in said
    assert "artifacts  forced-open  until somebody resets it; ordered by ann (proven)" in listed.out
    assert f": {WHY[1]}" in listed.out
    assert health.code != 0, health
    assert "held open: artifacts since 20" in health.out
    assert re.search(rf"ordered by ann \(proven\), entry \d+: {WHY[1]}; ", health.out)
    assert all("'artifacts' is held open by ann" in each for each in claimed), claimed
    said_of = rf'circuit="artifacts" given_ms=\d+ how="proven" order="open" reason="{WHY[1]}"'
    assert re.search(f'by="ann" {said_of}', read.out)
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


@contextmanager
def no_folder(place):
    """Let there be something else in the place of a folder."""
    aside = place.with_name("aside")
    place.rename(aside)
    place.write_text("no folder")
    try:
        yield
    finally:
        place.unlink()
        aside.rename(place)


async def test_a_store_of_artifacts_that_fails_opens_its_circuit_and_the_ledger_says_why(
    up, ann, went_on
):
    run = await up.start(gated())
    await until_gate(run, "review")
    with no_folder(Path(up.env["MANDATE_ARTIFACTS"])):
        await up.vote(run.id, "review")
        said = await until_waits(run, "apply", "artifacts")
        listed = await ann.mandate("breaker", "list")
    back = time.time()
    report = await result_of(run)
    went_on_s = await went_on_after(up, run, back)
    went_on.append(went_on_s)

    def moved():
        return [
            (entry.payload["was"], entry.payload["now"], entry.payload["why"])
            for entry in tail(up.ledger, TAIL_MAX)
            if entry.action == "circuit.moved" and entry.payload["circuit"] == "artifacts"
        ]

    await eventually(lambda: len(moved()) >= 2)
    assert "half-open in" in said
    assert "artifacts  open" in listed.out
    assert went_on_s < GOES_ON_WITHIN_S
    assert report["stages"]["apply"]["attempts"] == 1
    assert moved()[0][:2] == ("closed", "open")
    assert re.fullmatch(r"of \d+ calls \d+ failed and \d+ were slow", moved()[0][2])
    assert moved()[1] == ("open", "half-open", "it was seen to live")
    up.check_ledger(run.id, agents=["plan", "apply"], gates=1)


async def test_nothing_acts_behind_a_circuit_of_the_ledger_and_an_order_outlives_dragonfly(
    up, store, ann
):
    await order_open(ann, "ledger")
    run = await up.start(pipeline(stage("look")))
    await until_waits(run, "look", "ledger")
    child = (await up.client()).get_workflow_handle(f"{run.id}/look")
    phases = (await child.query("status"))["phases"]
    store.stop()
    store.start()  # empty

    async def is_ordered():
        return "ledger     forced-open" in (await ann.mandate("breaker", "list")).out

    await eventually(is_ordered, within_s=30)
    waiting = await detail_of(run, "look")
    assert (await ann.mandate("breaker", "reset", "ledger", *WHY)).code == 0
    report = await result_of(run)

    assert phases == ["BOOTSTRAP", "PREFLIGHT", "PLAN"]
    assert "forced open until somebody resets it" in waiting
    assert report["stages"]["look"]["attempts"] == 1
    up.check_ledger(run.id, agents=["look"])


async def test_an_unknown_circuit_is_refused_with_the_names_of_those_there_are(up, ann):
    said = await ann.mandate("breaker", "open", "valut", *WHY)
    assert said.code == 2
    assert "there are artifacts, dragonfly, ledger, vault" in said.err


async def test_who_is_not_logged_in_is_named_as_claimed(up, tmp_path):
    stranger = Somebody("cyd", "", tmp_path, up.env)
    elsewhere = Somebody("cyd", "", tmp_path, {**up.env, "MANDATE_LEDGER": str(tmp_path / "none")})
    closed = await stranger.mandate("breaker", "close", "ledger", *WHY)
    listed = await stranger.mandate("breaker", "list", "--json")
    from_elsewhere = await elsewhere.mandate("breaker", "list")
    said = await stranger.mandate("breaker", "reset", "ledger", *WHY)

    assert (said.code, "(claimed)" in said.out) == (0, True), said
    orders = {each["circuit"]: each["order"] for each in map(json.loads, listed.out.splitlines())}
    (seq,) = re.findall("ledger entries ([0-9]+) to", closed.out)
    assert (orders["ledger"]["how"], orders["ledger"]["reason"]) == ("claimed", WHY[1])
    assert (orders["ledger"]["seq"], orders["vault"]) == (int(seq), None)
    assert "until somebody resets it; who ordered it is on the ledger, which is not on this" in (
        from_elsewhere.out
    )


async def test_an_agent_that_is_revoked_while_it_waits_stays_revoked(up, ann):
    await order_open(ann, "dragonfly")
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
