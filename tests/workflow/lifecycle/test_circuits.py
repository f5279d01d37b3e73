"""What a template names as its outside thing: its circuit opens, and no try is burnt on it."""

from __future__ import annotations

import asyncio

from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.health.breaker_settings import BreakerSettings
from integrations.agents.contract.protocol import TEMPFAIL, AgentError
from integrations.dragonfly.circuits import Circuits
from integrations.dragonfly.client import connect
from tests.fixtures.engine import Engine, pipeline, stage
from tests.integration.stack.probes import eventually

TAKES_S = 0.4  # what calls came to is told once a second: meanwhile it is tried again


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
    settings = engine.settings
    client = connect(settings.dragonfly_url, settings.dragonfly_password_file)
    try:
        run = await engine.start(
            pipeline(stage("reach", template="reaching", config={"retry": 10}))
        )

        async def waits():
            stages = (await run.query("status"))["stages"]
            detail = stages["reach"]["detail"] if stages else ""
            return "waits for circuit some-service: half-open in" in detail

        await eventually(waits, within_s=90)
        tries, is_there = asked, True
        reset = (CircuitOrder.RESET, 1)
        await Circuits(client).obey("some-service", BreakerSettings(), *reset, limit_s=8)
        report = await run.result()
    finally:
        await client.aclose()

    assert tries == asked - 1  # none while it was open
    assert report["stages"]["reach"]["attempts"] == asked
