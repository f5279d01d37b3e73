"""``kill -9`` of the worker: at work, while people think, while a plan is clarified, around a call.

All of it happens to the same workers at the same time, and each test looks at one run.
"""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from integrations.ledger.verify import tail
from tests.fixtures.engine import Engine
from tests.fixtures.servers.doomed import NEXT_ATTEMPT_S, Doomed, doomed_in
from tests.fixtures.servers.kills import Kills
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.fixtures.tools.shop import Shop
from tests.integration.stack.probes import eventually

pytestmark = pytest.mark.timeout(400)

ASKS = {"questions": {"approvers": ["ann"], "identity": ["claimed"]}}
QUESTION = "work/question-1"
CLARIFIES = {
    "error_budget": {"errors": 2, "window": "1h"},
    "clarifications": 2,
    "clarify": "human",
    "clarifiers": {"approvers": ["ann"], "identity": ["claimed"]},
}
CLARIFY = "work/clarify-1"
ERRS = {"error_budget": {"errors": 4, "window": "1h"}}
ENTRIES = 1_000


def vote(gate: str, answer: str) -> dict[str, str]:
    return {"gate": gate, "decision": "approve", "voter": "ann", "answer": answer}


async def asks(kills: Kills) -> dict[str, Any]:
    doomed = kills.doomed
    handle = await doomed.start("asks", **ASKS)
    await doomed.until_seen("asks")
    await kills.kill()
    await kills.another()
    await doomed.until_asked("asks", 2)
    await doomed.engine.pending(handle, QUESTION)
    await kills.kill()
    await handle.signal("vote", vote(QUESTION, "eu"))  # nobody serves
    await kills.another()
    return {"report": await handle.result()}


async def waits_and_is_answered_at_once(kills: Kills) -> dict[str, Any]:
    handle = await kills.doomed.start("waits-1", **ASKS)
    await kills.doomed.engine.pending(handle, QUESTION)
    await kills.kill()
    await handle.signal("vote", vote(QUESTION, "eu"))
    await kills.another()
    return {"report": await handle.result()}


async def waits_and_is_answered_later(kills: Kills) -> dict[str, Any]:
    doomed = kills.doomed
    handle = await doomed.start("waits-2", **ASKS)
    before = await doomed.engine.pending(handle, QUESTION)
    await kills.kill()
    await kills.another()
    parked = await doomed.client.get_workflow_handle("waits-2/work").result()
    after = await doomed.engine.pending(handle, QUESTION)
    await handle.signal("vote", vote(QUESTION, "eu"))
    return {
        "report": await handle.result(),
        "parked": parked,
        "openings": [each["waiting_for"][0]["opening"] for each in (before, after)],
    }


async def is_clarified(kills: Kills) -> dict[str, Any]:
    doomed = kills.doomed
    handle = await doomed.start("clarifies", **CLARIFIES)
    before = await doomed.engine.pending(handle, CLARIFY)
    await kills.kill()
    await kills.another()
    after = await doomed.engine.pending(handle, CLARIFY)
    await handle.signal("vote", vote(CLARIFY, "gently"))
    await doomed.until_asked("clarifies", 2)
    await kills.kill()
    await kills.another()
    await doomed.until_asked("clarifies", 3)
    openings = [each["opening"] for s in (before, after) for each in s["waiting_for"]]
    return {"report": await handle.result(), "openings": openings}


async def errs(kills: Kills) -> dict[str, Any]:
    doomed = kills.doomed
    handle = await doomed.start("errs", **ERRS)
    await doomed.until_seen("errs")
    await kills.kill()
    await kills.another()
    await doomed.until_asked("errs", 2)
    report = await handle.result()
    status = await doomed.client.get_workflow_handle("errs/work").query("status")
    return {"report": report, "budget": status["error_budget"]}


@pytest_asyncio.fixture(scope="module")
async def doomed_here(
    running_engine: Engine,
    openbao: OpenBao,
    valkey: ValkeyProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Doomed:
    return await doomed_in(running_engine, openbao, valkey, tmp_path_factory.mktemp("doomed"))


@pytest_asyncio.fixture(scope="module")
async def shop(doomed_here: Doomed, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    # Not beside the ledger: that directory is closed to servers.
    made = Shop(doomed_here.settings.tools[0], tmp_path_factory.mktemp("shop"))
    await made.open("slow")
    return made


@pytest_asyncio.fixture(scope="module")
async def played(doomed_here: Doomed, shop: Shop) -> Any:
    async def calls(kills: Kills) -> dict[str, Any]:
        rules = [shop.rule("allow")]
        handle = await doomed_here.start("calls", tier=1, tools=rules, timeout="10m")
        await eventually(lambda: bool(shop.paid), within_s=NEXT_ATTEMPT_S)
        await kills.kill()
        shop.declare("good")
        await kills.another()
        return {"report": await handle.result()}

    plays = {
        "asks": asks,
        "waits-1": waits_and_is_answered_at_once,
        "waits-2": waits_and_is_answered_later,
        "clarifies": is_clarified,
        "errs": errs,
        "calls": calls,
    }
    waiting: dict[str, Any] = {"waits-1": {"waits": True}, "waits-2": {"waits": True}}
    calling = {"calls": {"calls": shop.name}}
    roles = [
        {**waiting, **calling, "clarifies": {"errs": 2}, "errs": {"errs": 2}},
        {**waiting, **calling, "clarifies": {"hangs": True}, "errs": {"errs": 3}},
        {"clarifies": {"errs": 1}},
    ]
    return await Kills(doomed_here).perform(plays, roles)


async def test_at_work_and_while_people_think_it_costs_no_step_and_no_question(
    played, doomed_here: Doomed
):
    report = (await played["asks"])["report"]

    assert doomed_here.told("asks", "checkpoint", "answers", "attempt") == [
        {"checkpoint": None, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 1}}, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 2}}, "answers": {"region": "eu"}, "attempt": 1},
    ]
    assert report["stages"]["work"]["output"] == {"region": "eu"}
    assert [each["gate"] for each in report["approvals"]] == [QUESTION]


@pytest.mark.parametrize(
    ("name", "answered"), [("waits-1", "before another serves"), ("waits-2", "after")]
)
async def test_while_its_agent_waits_it_costs_no_step_and_no_question(
    played, doomed_here: Doomed, name: str, answered: str
):
    found = await played[name]

    assert doomed_here.told(name, "checkpoint", "answers", "attempt") == [
        {"checkpoint": None, "answers": {}, "attempt": 1},
        {"checkpoint": {"data": {"try": 1}}, "answers": {"region": "eu"}, "attempt": 1},
    ]
    assert found["report"]["stages"]["work"]["output"] == {"region": "eu"}
    assert [each["gate"] for each in found["report"]["approvals"]] == [QUESTION]
    if answered == "after":
        assert found["parked"]["asked"]["checkpoint"] is not None
        assert found["openings"] == [1, 1]


async def test_while_a_plan_is_clarified_no_clarification_counts_twice(played, doomed_here: Doomed):
    found = await played["clarifies"]
    clarified = entries_of(doomed_here, "clarifies", "stage.clarified")

    assert [each["clarification"] for each in doomed_here.told("clarifies", "clarification")] == [
        *(0, 1, 1)
    ]
    assert found["openings"] == [1, 1]
    assert [each["number"] for each in clarified] == [1]
    assert clarified[0]["constraints"] == ["gently"]
    assert [each["gate"] for each in found["report"]["approvals"]] == [CLARIFY]
    assert found["report"]["stages"]["work"]["attempts"] == 2


async def test_what_was_said_before_it_and_after_counts_once(played, doomed_here: Doomed):
    found = await played["errs"]
    [erred] = entries_of(doomed_here, "errs", "agent.erred")

    assert found["report"]["stages"]["work"]["attempts"] == 1
    assert (found["budget"]["errors"], found["budget"]["left"]) == (3, 1)
    assert len(erred["errors"]) == 3


async def test_a_call_under_way_is_made_no_second_time(played, shop: Shop):
    output = (await played["calls"])["report"]["stages"]["work"]["output"]

    assert output["status"] == "unknown"
    assert "its worker died meanwhile" in output["text"]
    assert len(shop.paid) == 1


def entries_of(doomed: Doomed, run: str, action: str) -> list[Any]:
    found = tail(doomed.settings.ledger, ENTRIES)
    assert len(found) < ENTRIES
    return [
        each.payload
        for each in found
        if each.action == action and each.workflow_id.partition("/")[0] == run
    ]
