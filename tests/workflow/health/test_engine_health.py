"""What is asked of a real Temporal about health: wedged runs, queues, sweeps, ends of runs."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.runtime.client import connect
from activities.runtime.engine_health import TemporalHealth
from dsl.rules.health.vitality import Grade
from integrations.dragonfly.leases import Leases
from integrations.errors import UnavailableError
from integrations.health.beats import Beats
from integrations.health.probes import agents
from integrations.health.probes.agents import agents_probe
from integrations.health.probes.engine import (
    SweepReading,
    credentials_probe,
    queues_probe,
    runs_probe,
    temporal_probe,
)
from tests.fixtures.dragonfly.holders import new_name, seeded, take
from tests.fixtures.engine import gate, pipeline, settings_for
from tests.fixtures.servers.temporal import dev_server
from tests.integration.stack.probes import eventually

SOON = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1"


async def answered(ask, *arguments):
    """Ask until there is an answer: on a machine at work one may not come in its second."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask(*arguments)
            except UnavailableError:
                await asyncio.sleep(0.1)


def figures(found):
    return {(each.metric, each.label): each.value for each in found.figures}


@workflow.defn(name="Broken")
class Broken:
    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("this fails its task, and not the run")


async def test_a_wedged_run_is_found_by_its_id():
    arguments = ["--dynamic-config-value", SOON]
    async with await dev_server(dev_server_extra_args=arguments) as environment:
        client = environment.client
        probe = runs_probe(TemporalHealth(client))
        before = await answered(probe.look)
        queue, name = new_name("queue"), new_name("run")
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[Broken],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            await client.start_workflow("Broken", id=name, task_queue=queue)

            async def is_found():
                return figures(await answered(probe.look))["mandate_wedged_runs", ""] == 1

            await eventually(is_found, within_s=60)
            found = await answered(probe.look)
            await client.get_workflow_handle(name).terminate()

    assert (before.grade, found.grade) == (Grade.GOOD, Grade.POOR)
    assert name in found.detail


async def test_every_queue_of_an_engine_at_work_is_served(engine):
    probe = queues_probe(TemporalHealth(engine.client))

    async def is_served():  # who has just begun to poll is told of a moment later
        return (await answered(probe.look)).grade is Grade.GOOD

    await eventually(is_served)
    found = await answered(probe.look)
    served = figures(found)
    for queue in engine.settings.queues:
        assert served["mandate_queue_pollers", queue] >= 1


async def test_a_queue_that_nobody_serves_is_found_by_its_name():
    async with await dev_server() as environment:
        found = await answered(queues_probe(TemporalHealth(environment.client)).look)

    assert found.grade is Grade.POOR
    assert found.detail == "nobody serves mandate, mandate-t3, mandate-trust, mandate-ledger"


async def test_who_is_to_tell_people_is_missed_where_something_waits():
    async with await dev_server() as environment:
        client, queue = environment.client, "mandate-notify"
        await client.start_workflow("Notification", id=new_name("told"), task_queue=queue)

        async def is_missed():
            found = await answered(queues_probe(TemporalHealth(client)).look)
            return "mandate-ledger, mandate-notify" in found.detail

        await eventually(is_missed)


async def test_a_temporal_that_is_away_is_no_answer_and_soon(openbao, valkey, tmp_path):
    settings = settings_for("127.0.0.1:1", openbao, valkey, tmp_path)
    health = TemporalHealth(await connect(settings, when_used=True))
    for look in (temporal_probe, runs_probe, queues_probe, credentials_probe):
        with pytest.raises(UnavailableError):
            async with asyncio.timeout(60):
                await look(health).look()


async def test_credentials_left_behind_are_those_that_the_last_sweep_ended(engine):
    health = TemporalHealth(engine.client)
    handle = await engine.client.start_workflow(
        "Sweep", id=f"sweep-{uuid.uuid4().hex}", task_queue="mandate"
    )
    said = await handle.result()

    async def is_listed():
        found = await answered(health.last_sweep)
        return found is not None and found.ended == len(said["revoked"])

    await eventually(is_listed)
    found = await answered(credentials_probe(health).look)
    assert found.grade is Grade.GOOD
    assert figures(found)["mandate_sweep_age_seconds", ""] < 300


class Swept(TemporalHealth):
    """One that was told what the last sweep found."""

    def __init__(self, reading):
        self._reading = reading

    async def last_sweep(self):
        return self._reading


@pytest.mark.parametrize(
    ("reading", "grade", "words"),
    [
        (None, Grade.GOOD, "no sweep has completed yet"),
        (SweepReading(10, 14, 2, 0), Grade.GOOD, "14 looked at, 2 left behind and ended"),
        (SweepReading(10, 14, 0, 1), Grade.POOR, "1 secrets are past their end"),
        (SweepReading(3_600, 0, 0, 0), Grade.POOR, "no sweep has completed for 60 min"),
    ],
)
async def test_what_a_sweep_says_of_credentials(reading, grade, words):
    found = await credentials_probe(Swept(reading)).look()

    assert (found.grade, words in found.detail) == (grade, True)


async def test_an_agent_at_work_for_a_run_that_is_over_is_found(
    engine, private_valkey, monkeypatch
):
    monkeypatch.setattr(agents, "is_orphan", lambda over_for_ms: over_for_ms is not None)
    client: Client = engine.client
    run = await engine.start(pipeline(gate("review")))
    await engine.pending(run, "review")
    store = private_valkey().client()
    agent = await seeded(store)
    run_id = (await run.describe()).run_id
    await Leases(store).bind(await take(store, agent, owner=f"{run.id}/{run_id}"))
    health = TemporalHealth(client)
    probe = agents_probe(Beats(store), health)
    at_work = await answered(probe.look)
    await run.terminate()
    found = await answered(probe.look)
    unknown = await answered(health.over_for_ms, new_name("run"), str(uuid.uuid4()))
    await store.aclose()

    assert (at_work.grade, found.grade, unknown) == (Grade.GOOD, Grade.POOR, None)
    assert agent in found.detail
