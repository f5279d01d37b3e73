"""``trust.demote`` takes the word of an agent stage for its own run, once for one violation."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from tests.fixtures.engine import Engine, pipeline, stage
from tests.fixtures.hostile.sending import sent
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.standing import agent_of, tier_of

QUEUE = "of-an-impostor-who-demotes"
Send = Callable[..., Awaitable[dict[str, Any]]]


async def _demote(request: dict[str, Any]) -> dict[str, Any]:
    info = workflow.info()
    own = f"{info.workflow_id}/{info.run_id}/"
    keyed = {**request, "key": request["key"].replace("{own}", own)}
    return await sent("trust.demote", keyed, "mandate-trust")


@workflow.defn(name="Agent", sandboxed=False)
class Stage:
    """Passes for an agent stage, on a queue of its own."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def demote(self, request: dict[str, Any]) -> dict[str, Any]:
        return await _demote(request)


@workflow.defn(name="Somebody", sandboxed=False)
class Somebody(Stage):
    """Passes for nothing of the engine."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@pytest_asyncio.fixture
async def start(engine: Engine) -> AsyncIterator[Callable[[str], Awaitable[Send]]]:
    """Start a workflow of a type that sends what it is told to."""
    client = await Client.connect(engine.settings.temporal)
    async with Worker(client, task_queue=QUEUE, workflows=[Stage, Somebody]):

        async def start(kind: str) -> Send:
            handle = await client.start_workflow(kind, id=f"t-{uuid.uuid4()}", task_queue=QUEUE)

            async def send(agent: str, key: str, violation: str = "wrong-output") -> dict[str, Any]:
                request = {"agent": agent, "kind": violation, "key": key}
                answer: dict[str, Any] = await handle.execute_update("demote", request)
                return answer

            return send

        yield start


@pytest_asyncio.fixture
async def agent(engine: Engine) -> str:
    """An agent that holds T2."""
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    return await agent_of(engine, handle)


async def test_one_key_lowers_once_however_often_it_is_asked_with(start, agent, openbao: OpenBao):
    send = await start("Agent")
    first = await send(agent, "{own}look/EXECUTE#1/wrong-output")
    again = await send(agent, "{own}look/EXECUTE#1/wrong-output")
    other = await send(agent, "{own}look/EXECUTE#2/wrong-output")

    assert (first["was"], first["now"], first["changed"]) == (2, 1, True)
    assert (again["was"], again["now"], again["changed"]) == (2, 1, False)
    assert (other["was"], other["now"]) == (1, 0)
    assert tier_of(openbao, agent) == "T0"


async def test_no_run_asks_with_the_key_of_another(start, agent, openbao: OpenBao):
    send = await start("Agent")
    answer = await send(agent, "another/run/look/EXECUTE#1/wrong-output")

    assert answer == {
        "type": "DeniedError",
        "message": "the key names another run than the one that asks",
    }
    assert tier_of(openbao, agent) == "T2"


async def test_nobody_else_asks(start, agent, openbao: OpenBao):
    send = await start("Somebody")
    answer = await send(agent, "{own}look/EXECUTE#1/wrong-output")

    assert answer["type"] == "DeniedError"
    assert "a workflow 'Somebody' does" in answer["message"]
    assert tier_of(openbao, agent) == "T2"


async def test_what_costs_no_tier_lowers_nobody(start, agent, openbao: OpenBao):
    send = await start("Agent")
    said = [await send(agent, "{own}x", kind) for kind in ("late-result", "unheard-of")]

    assert [each["type"] for each in said] == ["DeniedError", "DeniedError"]
    assert "the consequence of 'late-result' is to warn" in said[0]["message"]
    assert tier_of(openbao, agent) == "T2"


async def test_an_agent_nobody_knows_is_not_lowered(start):
    send = await start("Agent")
    answer = await send("nobody", "{own}look/EXECUTE#1/wrong-output")

    assert answer["type"] == "NotFoundError"
