"""Calls of an agent that is ended over them, goes on, is replaced, or is told lies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from activities.contracts import tool_specs
from activities.tools import looking
from dsl.rules.gates.questions import Question
from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine, failure_of, hang, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.tools.shop import Shop
from tests.fixtures.voting import update
from tests.integration.stack.probes import eventually

Told = list[tuple[str, str]]
APPROVE = {"decision": "approve", "voter": "ann"}
PATCHED = "core_patch"
HIDDEN = {"tools": {"refund": {"redact": {"arguments": ["amount"]}}}}
REGION = Question(id="region", text="Which region?")
PEOPLE = {"approvers": ["ann"], "timeout": "2m", "park_after": "1s"}


@pytest.fixture
def fewer_looks() -> Iterator[None]:
    """Look twice at most, until all has been replayed."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("workflows.tools.people_asked", "workflows.run.questions.call_gates"):
            patch.setattr(f"{module}.TOOL_LOOKS_MAX", 2)
        yield


@pytest_asyncio.fixture
async def shop(engine: Engine, tmp_path: Path) -> Shop:
    made = Shop(engine.settings.tools[0], tmp_path)
    await made.open()
    return made


def calling(*rules: dict[str, Any], **config: Any) -> dict[str, Any]:
    config = {"tier": 1, "timeout": "2m", "tools": list(rules), **config}
    return pipeline(stage("work", config=config))


async def refund(engine: Engine, shop: Shop, request: Request, told: Told) -> None:
    made = await engine.runner.call(request, f"{shop.name}/refund", {"amount": 82})
    told.append((made.status.value, made.text))


def asks_beside(engine: Engine, shop: Shop) -> Told:
    """Have the agent ask people while it calls, and call again once it is answered."""
    told: Told = []

    async def work(request: Request) -> dict[str, Any]:
        if "region" not in request.answers:
            call = asyncio.create_task(refund(engine, shop, request, []))
            try:
                await engine.runner.ask(request, REGION)
            finally:
                call.cancel()
        await refund(engine, shop, request, told)
        return {}

    engine.runner.behaviours["work"] = work
    return told


async def test_a_stage_parked_over_a_call_asks_anew_when_it_goes_on(engine: Engine, shop: Shop):
    told = asks_beside(engine, shop)
    handle = await engine.start(calling(shop.asks(), questions=PEOPLE))
    await engine.pending(handle, "work/question-1")
    await engine.client.get_workflow_handle(f"{handle.id}/work").result()
    await update(engine, handle.id, {"gate": "work/question-1", **APPROVE, "answer": "eu"})
    await engine.pending(handle, "work/call-2")
    await update(engine, handle.id, {"gate": "work/call-2", **APPROVE})
    await handle.result()

    assert told == [("ok", "paid 82")]
    assert len(shop.paid) == 1


async def test_a_stage_parked_over_a_call_that_nobody_knows_of_makes_it_no_second_time(
    engine: Engine, shop: Shop
):
    shop.declare("lost", **HIDDEN)
    told = asks_beside(engine, shop)
    people = {**PEOPLE, "park_after": "15s"}
    handle = await engine.start(calling(shop.rule("allow"), questions=people))
    await engine.pending(handle, "work/outcome-1")
    await engine.pending(handle, "work/question-1")
    await engine.client.get_workflow_handle(f"{handle.id}/work").result()
    shop.declare("good", **HIDDEN)
    await update(engine, handle.id, {"gate": "work/question-1", **APPROVE, "answer": "eu"})
    await handle.result()

    assert [status for status, _ in told] == ["unknown"]
    assert len(shop.paid) == 1


async def test_who_replaces_an_agent_is_told_what_nobody_knows(engine: Engine, shop: Shop):
    shop.declare("lost", **HIDDEN)
    told: list[Told] = []

    async def work(request: Request) -> dict[str, Any]:
        told.append([])
        await refund(engine, shop, request, told[-1])
        return {} if len(told) == 2 else await hang(request)

    engine.runner.behaviours["work"] = work
    document = calling(shop.rule("allow"), on_revoked="replace: another")
    handle = await engine.start(document)
    child = engine.client.get_workflow_handle(f"{handle.id}/work")
    await eventually(lambda: bool(told and told[0]), within_s=60)
    shop.declare("good", **HIDDEN)
    await child.signal("revoke", {"reason": "it is slow", "epoch": 1})
    await handle.result()

    assert [status for status, _ in told[1]] == ["unknown"]
    assert len(shop.paid) == 1


async def test_nothing_is_approved_once_it_cannot_be_looked_any_more(
    fewer_looks: None, engine: Engine, shop: Shop
):
    told: Told = []

    async def work(request: Request) -> dict[str, Any]:
        await refund(engine, shop, request, told)
        return {}

    engine.runner.behaviours["work"] = work
    handle = await engine.start(calling(shop.asks()))
    await engine.pending(handle, "work/call-1")
    child = engine.client.get_workflow_handle(f"{handle.id}/work")
    while not told:
        await child.signal("decided")
        await asyncio.sleep(0.2)
    await handle.result()

    assert told[0][0] == "denied"
    assert "more than 2 times that it was decided" in told[0][1]
    assert shop.paid == []


async def test_a_stage_whose_calls_cannot_be_looked_at_any_more_ends(
    fewer_looks: None, engine: Engine, shop: Shop
):
    engine.runner.behaviours["work"] = hang
    handle = await engine.start(calling(shop.asks()))
    await engine.runner.until_running("work")
    with suppress(RPCError):  # it is over
        for _ in range(100):
            await handle.signal("called", "work")
            await asyncio.sleep(0.2)

    assert "more than 2 times that a call of it waits" in (await failure_of(handle)).message


@pytest.fixture
def no_look_in_vain_is_free() -> Iterator[None]:
    """Have each look in vain wait, until all has been replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dsl.rules.tools.looks.LOOKS_IN_VAIN", 1)
        yield


async def until_it_rests(told: Any, name: str, *args: str) -> None:
    """Send a message again and again, until a look in vain has had to wait."""

    async def rests() -> bool:
        events = [each async for each in told.fetch_history_events()]
        return any(each.marker_recorded_event_attributes.marker_name == PATCHED for each in events)

    while not await rests():
        await told.signal(name, *args)
        await asyncio.sleep(0.1)


async def test_looks_that_somebody_has_made_in_vain_delay_a_call_and_end_nothing(
    no_look_in_vain_is_free: None, engine: Engine, shop: Shop
):
    told: Told = []

    async def work(request: Request) -> dict[str, Any]:
        await until_it_rests(handle, "called", "work")
        await refund(engine, shop, request, told)
        return {}

    engine.runner.behaviours["work"] = work
    handle = await engine.start(calling(shop.asks()))
    await engine.pending(handle, "work/call-1")
    await until_it_rests(engine.client.get_workflow_handle(f"{handle.id}/work"), "decided")
    await handle.signal("vote", {"gate": "work/call-1", **APPROVE})
    await handle.result()

    assert told == [("ok", "paid 82")]


@pytest.fixture
def no_approval_lasts() -> Iterator[None]:
    """Have every approval be over by the next moment, until all has been replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workflows.tools.desk.TOOL_APPROVAL_GOOD_MS", -60_000)
        yield


def calls_once(engine: Engine, shop: Shop) -> Told:
    told: Told = []

    async def work(request: Request) -> dict[str, Any]:
        await refund(engine, shop, request, told)
        return {}

    engine.runner.behaviours["work"] = work
    return told


def intended(engine: Engine, run: str) -> list[str]:
    entries = told_by(engine.settings.ledger, f"{run}/work")
    return [e.action for e in entries if "tool." in e.action]


@pytest.mark.usefixtures("no_approval_lasts")
async def test_an_approval_that_is_over_before_it_is_used_lets_nothing_be_called(
    engine: Engine, shop: Shop
):
    told = calls_once(engine, shop)
    handle = await engine.start(calling(shop.asks()))
    await engine.pending(handle, "work/call-1")
    await update(engine, handle.id, {**APPROVE, "gate": "work/call-1"})
    await handle.result()

    assert told == [("denied", "the approval at work/call-1 has expired")]
    assert intended(engine, handle.id) == ["tool.denied"]
    assert shop.paid == []


@pytest.mark.parametrize("stops", ["cancelled", "revoked"])
async def test_what_is_approved_as_the_stage_is_stopped_is_not_called(
    engine: Engine, shop: Shop, monkeypatch: pytest.MonkeyPatch, stops: str
):
    """The decision is on its way to the stage when that is told to end."""
    on_its_way, goes_on = asyncio.Event(), asyncio.Event()
    genuine = looking._answer

    async def held(where: Any, query: str, *about: Any) -> Any:
        found = await genuine(where, query, *about)
        if query == tool_specs.DECISIONS:
            on_its_way.set()
            await goes_on.wait()
        return found

    monkeypatch.setattr(looking, "_answer", held)
    calls_once(engine, shop)
    handle = await engine.start(calling(shop.asks()))
    await engine.pending(handle, "work/call-1")
    await update(engine, handle.id, {**APPROVE, "gate": "work/call-1"})
    async with asyncio.timeout(60):
        await on_its_way.wait()
    child = await engine.child(handle, "work")
    if stops == "cancelled":
        await handle.cancel()
    else:
        await child.signal("revoke", {"reason": "enough", "epoch": 1})
    await eventually(lambda: is_told(child, stops), within_s=60)
    goes_on.set()
    with suppress(WorkflowFailureError):
        await handle.result()

    assert shop.paid == []
    assert "tool.intended" not in intended(engine, handle.id)


async def is_told(child: Any, stops: str) -> bool:
    """Tell whether the stage has taken the word that ends it."""
    kind = "CANCEL_REQUESTED" if stops == "cancelled" else "SIGNALED"
    history = await child.fetch_history()
    names = [EventType.Name(each.event_type) for each in history.events]
    asked = max((n for n, name in enumerate(names) if kind in name), default=-1)
    return asked >= 0 and any("WORKFLOW_TASK_COMPLETED" in name for name in names[asked:])
