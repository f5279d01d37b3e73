"""An agent that errs more than its budget allows is stopped where it acts, and begins nothing."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from dsl.core import AgentPhase, RedisKeys
from integrations.agents.contract.protocol import Request
from integrations.dragonfly.client import connect
from integrations.dragonfly.errors import LeaseLostError
from integrations.errors import UnavailableError
from integrations.ledger.events.budgets import budget_of
from mandate.people.budgets import live_budgets
from mandate.people.runs import stages_said
from mandate.work.run.stages import phases_in
from tests.fixtures.engine import Engine, fail, failure_of, hang, pipeline, stage
from tests.fixtures.trust.standing import told
from tests.integration.stack.probes import eventually

# Of ten minutes that it would go on; that nothing delays it is held where its errors are counted:
# tests/integration/dragonfly/test_spending.py.
STOPPED_WITHIN_S = 20.0


def document(errors: int = 3, window: str = "10m", **config: Any) -> dict[str, Any]:
    budget = {"errors": errors, "window": window}
    return pipeline(stage("work", config={"error_budget": budget, **config}))


@pytest.fixture(autouse=True)
def fresh(engine: Engine) -> None:
    engine.runner.requests.clear()


def on_record(engine: Engine, handle: Any) -> list[tuple[str, int]]:
    """Return in which phase the ledger says that how many errors were made."""
    entries = told(engine, handle, "agent.erred")
    return [(each.payload["phase"], len(each.payload["errors"])) for each in entries]


async def test_an_agent_that_has_spent_it_is_stopped_at_work_and_not_tried_again(
    engine: Engine,
):
    times: list[float] = []

    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request, 3)
        times.append(time.monotonic())
        try:
            return await hang(request)
        finally:
            times.append(time.monotonic())

    engine.runner.behaviours["work"] = err
    handle = await engine.start(document(retry=3))
    failure = await failure_of(handle)
    [ended] = told(engine, handle, "agent.ended")

    assert failure.type == "BudgetSpent"
    assert "spent: 3 errors within 10m, 3 are allowed; the next is free in " in failure.message
    assert f"error budget of {ended.agent} spent" in failure.message
    said, stopped = times
    assert stopped - said < STOPPED_WITHIN_S
    assert on_record(engine, handle) == [("EXECUTE", 3)]
    assert ended.payload["phases"] == "BOOTSTRAP PREFLIGHT PLAN EXECUTE EXIT"
    assert (ended.payload["attempts"], ended.payload["errors"]) == (1, 1)


async def test_failed_tries_spend_it_before_retry_does(engine: Engine):
    engine.runner.behaviours["work"] = fail
    handle = await engine.start(document(errors=2, retry=5))
    failure = await failure_of(handle)

    assert failure.type == "BudgetSpent"
    assert "the last one: failed: the agent says its work failed" in failure.message
    assert len(engine.runner.requests) == 2
    assert on_record(engine, handle) == [("EXECUTE", 1), ("EXECUTE", 1)]


async def test_while_it_is_spent_the_same_agent_does_not_begin_again(engine: Engine):
    engine.runner.behaviours["work"] = fail
    definition = document(errors=1)
    first = await failure_of(await engine.start(definition))
    handle = await engine.start(definition)
    second = await failure_of(handle)
    [ended] = told(engine, handle, "agent.ended")

    assert (first.type, second.type) == ("BudgetSpent", "BudgetSpent")
    assert "1 error within 10m, 1 is allowed; the next is free in " in second.message
    assert len(engine.runner.requests) == 1
    assert on_record(engine, handle) == []
    assert ended.payload["errors"] == 0


async def test_what_has_left_the_window_is_forgiven(engine: Engine):
    async def err_once(request: Request) -> dict[str, Any]:
        if len(engine.runner.requests) == 1:
            return await fail(request)
        return {}

    engine.runner.behaviours["work"] = err_once
    definition = document(errors=1, window="2s")
    failure = await failure_of(await engine.start(definition))
    assert failure.type == "BudgetSpent"
    free_in = re.search(r"free in (\d)s", failure.message)
    assert free_in is not None
    await asyncio.sleep(int(free_in[1]))
    await (await engine.start(definition)).result()

    assert len(engine.runner.requests) == 2


async def test_errors_that_are_said_again_by_the_next_attempt_count_once(engine: Engine):
    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request, 2)
        if len(engine.runner.requests) == 1:
            raise UnavailableError("the machine has no room")
        return {}

    engine.runner.behaviours["work"] = err
    handle = await engine.start(document(errors=3))
    report = await handle.result()
    status = await (await engine.child(handle, "work")).query("status")

    assert len(engine.runner.requests) == 2
    assert report["stages"]["work"]["detail"] == "error budget: 2 of 3 used within 10m"
    assert on_record(engine, handle) == [("EXECUTE", 2)]
    assert status["error_budget"] | {"free_in_s": 0} == {
        "errors": 2,
        "allowed": 3,
        "window": "10m",
        "left": 1,
        "burn_percent": 66,
        "free_in_s": 0,
    }


@pytest.mark.parametrize("cut", ["stopped", "too slow", "cancelled"])
async def test_what_was_erred_in_a_phase_that_is_cut_short_is_on_the_ledger_too(
    engine: Engine, cut: str
):
    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request, 2)
        return await hang(request)

    engine.runner.behaviours["work"] = err
    limit = {"timeout": "3s"} if cut == "too slow" else {}
    handle = await engine.start(document(errors=5, **limit))
    await eventually(lambda: bool(engine.runner.requests))
    if cut == "stopped":
        await handle.signal("revoke", {"stage": "work", "reason": "it errs"})
    elif cut == "cancelled":
        await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    [ended] = told(engine, handle, "agent.ended")
    settings = engine.settings
    async with connect(settings.dragonfly_url, settings.dragonfly_password_file) as store:
        await store.delete(RedisKeys.agent_errors(ended.agent))
    known = budget_of(settings.ledger, ended.agent, int(time.time() * 1000))

    assert on_record(engine, handle) == [("EXECUTE", 2)]
    assert known is not None
    assert (known.errors, known.left) == (2, 3)


async def test_what_burns_is_seen_while_the_agent_is_at_work(engine: Engine):
    going = asyncio.Event()

    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request, 1)
        await going.wait()
        return {}

    engine.runner.behaviours["work"] = err
    handle = await engine.start(document(errors=4))

    async def burn() -> list[int]:
        said = await stages_said(engine.client, handle.id, ["work", "none"])
        found = await live_budgets(engine.settings, said)
        return [each.burn for each in found.values()]

    async def burns() -> bool:
        return await burn() == [25]

    await eventually(burns, within_s=60)
    phases = phases_in(await stages_said(engine.client, handle.id, ["work", "none"]))
    going.set()
    await handle.result()

    assert {path: (each.phase, each.number) for path, each in phases.items()} == {
        "work": (AgentPhase.EXECUTE, 1)
    }


async def test_a_result_is_not_faster_than_the_error_before_it(engine: Engine):
    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request, 3)
        return {"done": True}

    engine.runner.behaviours["work"] = err
    failure = await failure_of(await engine.start(document()))

    assert failure.type == "BudgetSpent"


async def test_a_store_that_forgot_is_told_by_the_ledger(engine: Engine):
    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request, 1)
        return {}

    engine.runner.behaviours["work"] = err
    definition = document(errors=2)
    first = await engine.start(definition)
    await first.result()
    [ended] = told(engine, first, "agent.ended")
    settings = engine.settings
    async with connect(settings.dragonfly_url, settings.dragonfly_password_file) as store:
        await store.delete(RedisKeys.agent_errors(ended.agent))
    failure = await failure_of(await engine.start(definition))

    assert failure.type == "BudgetSpent"
    assert "2 errors within 10m, 2 are allowed" in failure.message


@pytest.mark.parametrize("loses_it", ["when it is renewed", "as its error is counted"])
async def test_a_store_that_forgets_while_the_agent_works_forgives_nothing(
    engine: Engine, loses_it: str
):
    settings = engine.settings

    async def err(request: Request) -> dict[str, Any]:
        child = engine.client.get_workflow_handle(request.run)
        agent = (await child.query("status"))["agent"]
        engine.runner.err(request, 1)
        async with connect(settings.dragonfly_url, settings.dragonfly_password_file) as store:
            while not await store.zcount(RedisKeys.agent_errors(agent), 1, "+inf"):
                pass
            keys = (RedisKeys.agent_errors(agent), RedisKeys.agent_guard(agent))
            if len(engine.runner.requests) == 1:
                await store.delete(*keys)
                if loses_it == "as its error is counted":  # before any other sign of life
                    raise LeaseLostError(loses_it)
                return await hang(request)
        engine.runner.err(request, 1)
        return await hang(request)

    engine.runner.behaviours["work"] = err
    handle = await engine.start(document(errors=3))
    failure = await failure_of(handle)

    assert failure.type == "BudgetSpent"
    assert [phase for phase, _ in on_record(engine, handle)] == ["EXECUTE", "EXECUTE"]
    assert sum(count for _, count in on_record(engine, handle)) == 3
