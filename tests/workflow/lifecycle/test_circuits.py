"""What a template names as its outside thing: its circuit opens, and no try is burnt on it."""

from __future__ import annotations

import asyncio

from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.health.breaker_settings import BreakerSettings
from integrations.agents.contract.protocol import TEMPFAIL, AgentError
from integrations.dragonfly.circuits import Circuits
from integrations.dragonfly.client import connect
from tests.fixtures.engine import Engine, pipeline, stage
from tests.fixtures.outside.worker import OutsideActivity
from tests.integration.stack.probes import eventually

TAKES_S = 0.4  # what calls came to is told once a second: meanwhile it is tried again


async def order(engine: Engine, circuit: str, what: CircuitOrder, given_ms: int) -> None:
    settings = engine.settings
    client = connect(settings.dragonfly_url, settings.dragonfly_password_file)
    try:
        await Circuits(client).obey(circuit, BreakerSettings(), what, given_ms, limit_s=8)
    finally:
        await client.aclose()


async def waits(run, path: str, words: str) -> bool:
    stages = (await run.query("status"))["stages"]
    return f"waits for circuit {words}" in (stages[path]["detail"] if path in stages else "")


async def test_what_somebody_elses_worker_would_do_is_held_back_before_it_is_begun(
    engine: Engine, outside: OutsideActivity
):
    await order(engine, "delegated-service", CircuitOrder.OPEN, 1)
    run = await engine.start(pipeline(stage("delegate", template="outside-reaching")))
    await eventually(lambda: waits(run, "delegate", "delegated-service: forced"), within_s=90)
    asked = [each for each in outside.requests if each["stage"] == "delegate"]
    await order(engine, "delegated-service", CircuitOrder.RESET, 2)
    report = await run.result()

    assert asked == []
    assert report["stages"]["delegate"]["attempts"] == 1
    assert report["stages"]["delegate"]["output"] == {"seen": 3}


async def test_a_program_that_says_try_later_opens_the_circuit_of_its_outside_thing(
    engine: Engine,
):
    asked, is_there = 0, False

    async def reach(request):
        nonlocal asked
        asked += 1
        await asyncio.sleep(TAKES_S)
        if not is_there:
            raise AgentError(TEMPFAIL, "the service is away", retryable=True)
        return {}

    engine.runner.behaviours["reach"] = reach
    run = await engine.start(pipeline(stage("reach", template="reaching", config={"retry": 10})))
    await eventually(lambda: waits(run, "reach", "some-service: half-open in"), within_s=90)
    tries, is_there = asked, True
    await order(engine, "some-service", CircuitOrder.RESET, 1)
    report = await run.result()

    assert tries == asked - 1  # none while it was open
    assert report["stages"]["reach"]["attempts"] == asked
