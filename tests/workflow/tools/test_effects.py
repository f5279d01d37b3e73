"""One effect happens once, and what nobody knows is asked of people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from activities.ledger.comparing import compare
from activities.tools.intents import Intents
from integrations.agents.contract.protocol import Request
from integrations.artifacts.store import Artifacts
from tests.fixtures.engine import Engine, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.tools.shop import Shop
from tests.fixtures.voting import update

Told = list[tuple[str, str]]
REFUND = {"refund": {"effect": "refund:${{ args.amount }}"}}
RECORDING = ("tool.call", "ledger.record")
TWICE = {"refund": {"idempotent": True}}


@pytest_asyncio.fixture
async def shop(engine: Engine, tmp_path: Path) -> Shop:
    made = Shop(engine.settings.tools[0], tmp_path)
    await made.open(tools=REFUND)
    return made


def calling(*rules: dict[str, Any], **config: Any) -> dict[str, Any]:
    config = {"tier": 1, "timeout": "2m", "tools": list(rules), **config}
    return pipeline(stage("work", config=config))


def agent(engine: Engine, shop: Shop, *amounts: int) -> Told:
    """Have the agent call ``refund`` with these amounts; return what it will have been told."""
    told: Told = []

    async def work(request: Request) -> dict[str, Any]:
        for amount in amounts:
            made = await engine.runner.call(request, f"{shop.name}/refund", {"amount": amount})
            told.append((made.status.value, made.text))
        return {}

    engine.runner.behaviours["work"] = work
    return told


def entries(engine: Engine, handle: Any, action: str) -> list[Any]:
    return [e for e in told_by(engine.settings.ledger, handle.id) if e.action == action]


async def test_the_same_effect_of_another_run_is_refused_with_a_pointer(engine: Engine, shop):
    first = agent(engine, shop, 82, 82)
    handle = await engine.start(calling(shop.rule("allow")))
    await handle.result()
    second = agent(engine, shop, 82, 83)
    await (await engine.start(calling(shop.rule("allow")))).result()
    [claim] = entries(engine, handle, "tool.effect")

    assert [status for status, _ in first] == ["ok", "denied"]
    assert [status for status, _ in second] == ["denied", "ok"]
    for _, why in (first[1], second[0]):
        assert why == f"its effect '{shop.name}/refund:82' was asked for before: " + (
            f"entry {claim.seq} of the ledger"
        )
    assert [each["amount"] for each in shop.paid] == [82, 83]
    assert (await asked_of(engine, handle))[:2] == ["work/call#1", "work/call#2"]  # intents along
    found = await compare(
        engine.client, engine.settings.ledger, Artifacts(engine.settings.artifacts), handle.id
    )
    assert [str(each) for each in found.disagreements] == []


async def asked_of(engine: Engine, handle: Any) -> list[str]:
    """Which calls, and records for them, the stage has asked for."""
    history = await engine.client.get_workflow_handle(f"{handle.id}/work").fetch_history()
    asked = [event.activity_task_scheduled_event_attributes for event in history.events]
    ids = [each.activity_id for each in asked if each.activity_type.name in RECORDING]
    return ids[ids.index("work/ledger#1") + 1 :]  # which is of its beginning


async def test_where_an_intent_cannot_go_along_it_is_recorded_first(
    engine: Engine, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    async def nowhere(*_: Any) -> None:  # what a process without the ledger says, of every call
        return None

    monkeypatch.setattr(Intents, "record", nowhere)
    told = agent(engine, shop, 82, 83, 83)
    handle = await engine.start(calling(shop.rule("allow")))
    await handle.result()

    assert [status for status, _ in told] == ["ok", "ok", "denied"]
    assert [each["amount"] for each in shop.paid] == [82, 83]
    assert len(entries(engine, handle, "tool.intended")) == 3
    assert (await asked_of(engine, handle))[:5] == [  # in vain once
        *("work/call#1", "work/ledger#2", "work/call#2"),
        *("work/ledger#3", "work/call#3"),
    ]


async def test_a_call_of_which_nobody_knows_has_its_intent_recorded_before_another(
    engine: Engine, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    attempts = []

    async def record(*_: Any) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ZeroDivisionError  # as if its worker died: there is another attempt

    monkeypatch.setattr(Intents, "record", record)
    shop.declare("ok", tools=TWICE)
    told = agent(engine, shop, 82)
    handle = await engine.start(calling(shop.rule("allow")))
    await handle.result()
    [intended], [answered] = (
        entries(engine, handle, action) for action in ("tool.intended", "tool.answered")
    )
    found = await compare(
        engine.client, engine.settings.ledger, Artifacts(engine.settings.artifacts), handle.id
    )

    assert told == [("ok", "paid 82")]
    assert intended.seq < answered.seq
    assert (await asked_of(engine, handle))[:3] == ["work/call#1", "work/ledger#2", "work/call#2"]
    assert [str(each) for each in found.disagreements] == []


async def test_a_call_that_was_not_made_lets_go_of_its_effect(engine: Engine, shop: Shop):
    shop.declare("pulled", tools=REFUND)
    told = agent(engine, shop, 82)
    await (await engine.start(calling(shop.rule("allow")))).result()
    shop.declare("good", tools=REFUND)
    again = agent(engine, shop, 82)
    await (await engine.start(calling(shop.rule("allow")))).result()

    assert [told[0][0], again[0][0]] == ["not_made", "ok"]
    assert shop.paid == [{"amount": 82}]


async def test_people_say_that_it_happened_and_nobody_is_paid_twice(engine: Engine, shop: Shop):
    shop.declare("lost", tools=REFUND)
    told = agent(engine, shop, 82, 82)
    handle = await engine.start(calling(shop.asks()))
    await engine.pending(handle, "work/call-1")
    approve = {"decision": "approve", "voter": "ann"}
    await update(engine, handle.id, {"gate": "work/call-1", **approve})
    [row] = (await engine.pending(handle, "work/outcome-1"))["waiting_for"]
    refused, said = await update(engine, handle.id, {"gate": "work/outcome-1", **approve})
    vote = {"gate": "work/outcome-1", **approve, "answer": "happened"}
    await update(engine, handle.id, vote)
    await handle.result()  # nobody is asked about what the ledger has
    [settled] = entries(engine, handle, "tool.settled")

    assert row["question"]["choices"] == ["happened", "did-not"]
    assert refused != 0, said
    assert told[0] == ("ok", "it was made, as a person says; its answer is lost")
    assert told[1][0] == "denied"
    assert "was asked for before: entry" in told[1][1]
    assert settled.payload["happened"] is True
    assert shop.paid == [{"amount": 82}]


async def test_people_say_that_it_did_not_and_it_can_be_made(engine: Engine, shop: Shop):
    shop.declare("lost", tools=REFUND)
    told = agent(engine, shop, 82)
    people = {"approvers": ["ann"], "timeout": "1m"}
    handle = await engine.start(calling(shop.rule("allow"), questions=people))
    await engine.pending(handle, "work/outcome-1")
    shop.declare("good", tools=REFUND)
    vote = {"gate": "work/outcome-1", "decision": "approve", "voter": "ann", "answer": "did-not"}
    await update(engine, handle.id, vote)
    await handle.result()
    again = agent(engine, shop, 82)
    await (await engine.start(calling(shop.rule("allow")))).result()

    assert told == [("not_made", "it was not made, as a person says")]
    assert again[0][0] == "ok"


async def test_what_may_be_made_twice_is_made_again(engine: Engine, shop: Shop):
    shop.declare("lost", tools=TWICE)
    told = agent(engine, shop, 82)
    await (await engine.start(calling(shop.rule("allow")))).result()

    assert told[0][0] == "unknown"
    assert len(shop.paid) == 3


async def test_a_later_attempt_that_is_not_made_says_nothing_of_the_first(engine, shop: Shop):
    shop.declare("lost-once", tools=TWICE)
    told = agent(engine, shop, 82, 82)
    await (await engine.start(calling(shop.rule("allow")))).result()

    assert [status for status, _ in told] == ["unknown", "denied"]
    assert len(shop.paid) == 1
