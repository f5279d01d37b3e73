"""What goes on the ledger where one process runs workflows and writes it, and where it stops to."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from temporalio import activity

from activities.contracts import messages, specs
from activities.contracts.meant import MeantError
from activities.ledger.comparing import compare
from activities.workers.ledger_duties import LedgerDuties
from dsl.rules.reconciliation.forged import WORKER_DIED
from integrations.artifacts.store import Artifacts
from integrations.errors import UnavailableError
from tests.fixtures.engine import Engine, after_look, gate, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import honest_vote, signer
from tests.integration.stack.probes import eventually
from worker import GovernancePlugin

OF_THE_LEDGER = {specs.record.name, specs.prove.name, specs.authority.name}
HERE, THERE = specs.QUEUE, specs.QUEUE_LEDGER
GATED = gate("review", approvers=["ann"], identity=["verified"])


@pytest.fixture
def writer(engine: Engine) -> LedgerDuties:
    """Who writes the ledger in the process of this test."""
    plugins = engine.client.config(active_config=True)["plugins"]
    [ours] = [each for each in plugins if isinstance(each, GovernancePlugin)]
    found = ours._duties[specs.QUEUE_LEDGER]
    assert isinstance(found, LedgerDuties)
    return found


async def asked(engine: Engine, workflow: str) -> list[tuple[str, str]]:
    """Where what the ledger's worker does was asked for, and under which id."""
    history = await engine.client.get_workflow_handle(workflow).fetch_history()
    scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
    ours = (each for each in scheduled if each.activity_type.name in OF_THE_LEDGER)
    return [(each.task_queue.name, each.activity_id) for each in ours]


async def until_asked(engine: Engine) -> Any:
    handle = await engine.start(after_look(GATED, stage("after", requires=["review"])))
    await engine.pending(handle, "review")

    async def has_recorded() -> bool:
        return not (await handle.describe()).raw_description.pending_activities

    await eventually(has_recorded)  # that it asks, before anything is changed here
    return handle


async def vote(handle: Any, people: People) -> None:
    made = await honest_vote(handle, "review", await signer(people, "ann"))
    assert (await handle.execute_update("vote", made))["verdict"] == "passed"


async def approved(handle: Any, people: People) -> None:
    await vote(handle, people)
    await handle.result()


async def require_each_once(engine: Engine, handle: Any) -> None:
    """Look that history and ledger agree, and that the ledger holds nothing twice."""
    settings = engine.settings
    found = await compare(engine.client, settings.ledger, Artifacts(settings.artifacts), handle.id)
    entries = [
        (each.workflow_id, each.action, str(each.payload))
        for each in told_by(settings.ledger, handle.id)
    ]

    assert [str(each) for each in found.disagreements] == []
    assert [each for each, count in Counter(entries).items() if count > 1] == []
    actions = [action for _, action, _ in entries]
    assert actions.count("vote.proven") == actions.count("run.ended") == 1


async def test_a_run_and_a_vote_ask_nothing_of_the_queue_of_the_ledger(
    engine: Engine, people: People
):
    handle = await until_asked(engine)
    await approved(handle, people)

    for workflow in (handle.id, f"{handle.id}/look", f"{handle.id}/after"):
        queues = [queue for queue, _ in await asked(engine, workflow)]
        assert len(queues) >= 2
        assert set(queues) == {HERE}
    assert (HERE, "review/vote#1") in await asked(engine, handle.id)
    await require_each_once(engine, handle)


async def test_a_run_that_finds_no_ledger_beside_it_any_more_goes_on_at_its_queue(
    engine: Engine, people: People, writer: LedgerDuties, monkeypatch: pytest.MonkeyPatch
):
    handle = await until_asked(engine)
    before = len(await asked(engine, handle.id))
    monkeypatch.setattr(writer, "_is_on_duty", False)  # as in a process that writes none
    await approved(handle, people)

    first, *later = (await asked(engine, handle.id))[before:]
    assert first == (HERE, "review/vote#1")  # in vain, once
    assert later[0] == (THERE, "review/vote#1")
    assert {queue for queue, _ in later} == {THERE}
    queues = [queue for queue, _ in await asked(engine, f"{handle.id}/after")]
    assert queues == [HERE, *[THERE] * (len(queues) - 1)]
    await require_each_once(engine, handle)


async def test_what_two_have_recorded_since_nobody_heard_of_one_stands_there_once(
    engine: Engine, people: People, writer: LedgerDuties, monkeypatch: pytest.MonkeyPatch
):
    """One has proven a vote and its answer is lost; one stands still, and records it late."""
    handle = await until_asked(engine)
    records, proofs = writer._activities, writer._proofs
    goes_on = asyncio.Event()
    stood: list[asyncio.Task[messages.RecordResult]] = []

    async def prove(request: messages.ProveRequest) -> messages.Proven:
        await type(proofs).prove(proofs, request)
        raise UnavailableError("nobody hears of it")

    async def late(request: messages.RecordRequest) -> messages.RecordResult:
        await goes_on.wait()
        return await records.append(request)

    async def record(request: messages.RecordRequest) -> messages.RecordResult:
        if activity.info().activity_id != "after/ledger#1":
            return await records.append(request)
        stood.append(asyncio.create_task(late(request)))
        return await asyncio.shield(stood[0])

    monkeypatch.setattr(proofs, "prove", prove)
    monkeypatch.setattr(records, "record", record)
    await vote(handle, people)
    await eventually(lambda: bool(stood))
    attempt = engine.client.get_async_activity_handle(
        workflow_id=f"{handle.id}/after", run_id=None, activity_id="after/ledger#1"
    )
    await attempt.fail(MeantError("its worker died", type=WORKER_DIED, non_retryable=False))
    await handle.result()
    goes_on.set()
    recorded = (await stood[0]).first

    [entry] = [
        each
        for each in told_by(engine.settings.ledger, f"{handle.id}/after")
        if each.action == "agent.intended"
    ]
    assert entry.seq == recorded
    both = [(HERE, "after/ledger#1"), (THERE, "after/ledger#1")]
    assert (await asked(engine, f"{handle.id}/after"))[:2] == both
    votes = [queue for queue, name in await asked(engine, handle.id) if name == "review/vote#1"]
    assert votes == [HERE, THERE]
    await require_each_once(engine, handle)
