"""What holds an id that the engine needs is said to be what it is, and is never taken for ours."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from dsl.rules.run.reserved import promotion_id, reinstatement_id
from tests.fixtures.engine import Engine, failure_of, hang, pipeline, stage
from tests.fixtures.hostile.squatters import NOBODY, PIPELINE, THEIRS, Kind, held, squatters
from tests.fixtures.person import Somebody
from tests.fixtures.servers.openbao import People
from tests.fixtures.trust.agents import stranger

AGENT = "a-0123"
SCHEDULED = "activity_task_scheduled_event_attributes"
RESERVED = [
    ("Pipeline", f"revocation/{AGENT}"),
    ("Pipeline", f"revocation/{AGENT}/0f"),
    ("Pipeline", "revocation"),  # its stages would be called revocation/<stage>
    ("Pipeline", f"promotion/{AGENT}"),
    ("Pipeline", f"reinstatement/{AGENT}"),
    ("Pipeline", "registration/0123"),
    ("Pipeline", "sweep"),
    ("Pipeline", "sweep-2030-01-01T00:00:00Z"),
    ("infrastructure-deploy", f"promotion/{AGENT}"),
    ("Agent", f"revocation/{AGENT}"),
    ("Registration", f"revocation/{AGENT}"),
    ("Sweep", f"revocation/{AGENT}"),
    ("Promotion", f"reinstatement/{AGENT}"),
    ("Revocation", f"promotion/{AGENT}"),
]


@pytest_asyncio.fixture
async def somebody(engine: Engine) -> AsyncIterator[Client]:
    async with squatters(engine) as client:
        yield client


@pytest_asyncio.fixture
async def ann(engine: Engine, people: People, tmp_path: Path) -> Somebody:
    env = {"TEMPORAL_ADDRESS": engine.settings.temporal, "VAULT_ADDR": engine.settings.vault_url}
    somebody = Somebody("ann", people.password("ann"), tmp_path, env)
    await somebody.log_in()
    return somebody


@pytest.mark.parametrize(("kind", "name"), RESERVED)
async def test_nothing_of_ours_sits_under_an_id_that_is_for_something_else(
    engine: Engine, kind: str, name: str
):
    value = {"definition": pipeline(stage("look"))}
    handle = await engine.client.start_workflow(kind, value, id=name, task_queue="mandate")
    failure = await failure_of(handle)

    assert failure.non_retryable
    assert failure.message.startswith("its id is reserved for ")
    assert not any(event.HasField(SCHEDULED) for event in await engine.events(handle))


@pytest.mark.parametrize("name", ["sweeper", "revocations/x", "my/revocation/x", "promotion-1"])
async def test_what_only_resembles_such_an_id_is_free(engine: Engine, name: str):
    value = {"definition": pipeline(stage("look"))}
    handle = await engine.client.start_workflow("Pipeline", value, id=name, task_queue="mandate")
    engine.started.append(handle)

    assert (await handle.result())["status"] == "completed"


HELD = [
    ("promote --to T2", promotion_id, PIPELINE),
    ("promote --to T2", promotion_id, Kind("Promotion", THEIRS)),
    ("reinstate --reason mended", reinstatement_id, Kind("Promotion", NOBODY)),
]


@pytest.mark.parametrize(
    ("command", "id_of", "kind"), HELD, ids=lambda value: getattr(value, "__name__", str(value))
)
async def test_the_gate_of_what_holds_the_id_is_not_shown(
    somebody: Client, ann: Somebody, command: str, id_of: Callable[[str], str], kind: Kind
):
    verb, *options = command.split()
    async with held(somebody, name := id_of(agent := stranger()), kind):
        asked = await ann.mandate(verb, agent, *options)
        voted = await ann.mandate("approve", name, "consent", "--reason", "seen")

    for said in (asked, voted):
        assert (said.code, said.out) == (1, "")
        assert f"{name} is a workflow of type {kind.type} on queue {kind.queue}" in said.err
        assert f"temporal workflow terminate -w {name}" in said.err
        assert "raise it" not in said.err


@pytest.mark.parametrize("kind", [PIPELINE, Kind("Agent", NOBODY)], ids=str)
async def test_what_holds_a_stages_id_is_named_at_once_and_left_alone(
    engine: Engine, somebody: Client, kind: Kind
):
    name = f"t-{uuid.uuid4()}"
    value = {"definition": pipeline(stage("look"))}
    async with held(somebody, child := f"{name}/look", kind):
        handle = await engine.client.start_workflow(
            "Pipeline", value, id=name, task_queue="mandate"
        )
        engine.started.append(handle)
        async with asyncio.timeout(60):  # nothing is waited for
            failure = await failure_of(handle)

    assert failure.type == "StageFailed"
    assert (
        f"its id {child!r} is taken by a workflow of type {kind.type} on queue {kind.queue}, which "
        "is no stage of this run"
    ) in failure.message


async def test_the_older_child_of_a_run_that_was_reset_is_still_waited_for(engine: Engine):
    engine.runner.behaviours["look"] = hang
    run = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    [point] = [each["event_id"] for each in await run.query("checkpoints")]
    engine.runner.behaviours.clear()
    code, said = await engine.cli(
        "workflow", "reset", "-w", run.id, "--event-id", str(point), "--reason", "again"
    )
    assert code == 0, said
    again = engine.client.get_workflow_handle(run.id)
    async with asyncio.timeout(60):
        report = await again.result()

    assert report["status"] == "completed"
