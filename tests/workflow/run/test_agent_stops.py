"""An agent is told to stop: by its own workflow's signal, or by the run's signal and update."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from integrations.agents.contract.protocol import PROTOCOL as BROKEN
from integrations.agents.contract.protocol import AgentError, Request
from tests.fixtures.engine import Engine, fail, failure_of, gate, hang, pipeline, stage
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.standing import activities_of, agent_of, tier_of, told

REASON = "it deletes what it should read"
ORDER = {"reason": REASON, "epoch": 7}


async def at_work(engine: Engine, *stages: dict[str, Any], path: str = "look") -> Any:
    """Start a pipeline whose agent does not end by itself."""
    engine.runner.behaviours.setdefault("look", hang)
    handle = await engine.start(pipeline(*(stages or (stage("look"),))))
    await engine.runner.until_running(path)
    return handle


def _status_of(status: dict[str, Any], path: str) -> str:
    found: str = status["stages"].get(path, {}).get("status", "")
    return found


def child_of(engine: Engine, handle: Any, path: str = "look") -> Any:
    return engine.client.get_workflow_handle(f"{handle.id}/{path}")


async def test_a_stopped_agent_ends_as_revoked_and_holds_nothing(engine: Engine, dragonfly: Any):
    handle = await at_work(engine)
    agent = await agent_of(engine, handle)
    await child_of(engine, handle).signal("revoke", ORDER)
    failure = await failure_of(handle)
    status = await child_of(engine, handle).query("status")
    ids = await activities_of(engine, f"{handle.id}/look")
    [ended] = told(engine, handle, "agent.ended")
    [state] = [key async for key in dragonfly.scan_iter(f"agent:{agent}~*:state")]

    assert (failure.type, failure.message) == (
        "Revoked",
        f"stage 'look' revoked: stopped: {REASON}",
    )
    assert status["phases"] == ["BOOTSTRAP", "PREFLIGHT", "PLAN", "EXECUTE", "REVOKED"]
    assert "look/REVOKED#1" in ids
    assert [name for name in ids if "EXIT" in name] == []
    assert engine.runner.running == set()
    assert [key async for key in dragonfly.scan_iter(f"agent:{agent}*:lock")] == []
    assert await dragonfly.hget(state, "phase") == "REVOKED"
    assert ended.payload.items() >= {("status", "revoked"), ("epoch", 7)}


async def test_what_is_delivered_after_that_is_thrown_away_and_told(
    engine: Engine, openbao: OpenBao
):
    async def deliver_all_the_same(request: Request) -> dict[str, Any]:
        try:
            return await hang(request)
        except asyncio.CancelledError:
            return {"too": "late"}

    engine.runner.behaviours["look"] = deliver_all_the_same
    handle = await at_work(engine)
    await child_of(engine, handle).signal("revoke", ORDER)
    failure = await failure_of(handle)
    [violated] = told(engine, handle, "agent.violated")
    look = failure.details[0]["stages"]["look"]

    assert (look["status"], look["output"]) == ("revoked", {})
    assert [o["name"] for o in look["outputs"] if o["phase"] == "EXECUTE"] == []
    assert "(violation: late-result)" in look["detail"]
    assert violated.payload.items() >= {("kind", "late-result"), ("consequence", "warn")}
    assert tier_of(openbao, await agent_of(engine, handle)) == "T2"


async def test_what_it_did_wrong_while_it_was_stopped_counts(engine: Engine, openbao: OpenBao):
    async def break_the_contract(request: Request) -> dict[str, Any]:
        try:
            return await hang(request)
        except asyncio.CancelledError:
            raise AgentError(BROKEN, "ended without a result", retryable=False) from None

    engine.runner.behaviours["look"] = break_the_contract
    handle = await at_work(engine)
    await child_of(engine, handle).signal("revoke", ORDER)
    failure = await failure_of(handle)

    assert failure.type == "Revoked"
    assert "demoted from T2 to T1" in failure.message
    assert tier_of(openbao, await agent_of(engine, handle)) == "T1"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ([], "input: "),
        ([{}], "reason: it is missing"),
        ([{"reason": " "}], "reason: "),
        ([{"reason": "x", "epoch": -1}], "epoch: "),
        ([{"reason": "x", "epoch": "soon"}], "epoch: "),
        ([{"reason": "x", "more": 1}], "more: "),
        (["x"], "input: "),
        ([ORDER, ORDER], "expected one input, got 2: put everything into one JSON"),
    ],
)
async def test_what_cannot_be_read_stops_no_agent_and_wedges_nothing(
    engine: Engine, payload: list[Any], why: str
):
    handle = await at_work(engine)
    child = child_of(engine, handle)
    await child.signal("revoke", args=payload)
    await child.signal("unheard-of", {})
    async with asyncio.timeout(60):
        while len((await child.query("status"))["void_messages"]) < 2:  # noqa: ASYNC110  # asked
            await asyncio.sleep(0.02)
    status = await child.query("status")
    await child.signal("revoke", ORDER)

    assert status["phases"][-1] == "EXECUTE"
    assert {each["name"] for each in status["void_messages"]} == {"revoke", "unheard-of"}
    assert why in status["void_messages"][0]["why"]
    assert (await failure_of(handle)).type == "Revoked"


async def test_an_order_that_comes_before_anything_began_counts(engine: Engine):
    handle = await engine.start(pipeline(stage("look")))
    async with asyncio.timeout(60):
        while True:
            try:
                await child_of(engine, handle).signal("revoke", ORDER)
                break
            except Exception:  # noqa: BLE001  # it is not there yet
                await asyncio.sleep(0)

    assert (await failure_of(handle)).type == "Revoked"


async def test_a_run_stops_the_agent_of_a_stage_and_leaves_its_identity(
    engine: Engine, openbao: OpenBao
):
    handle = await at_work(engine)
    answer = await handle.execute_update("revoke", {"stage": "look", "reason": REASON})
    failure = await failure_of(handle)
    [stopped] = told(engine, handle, "stage.stopped")

    assert answer == {"stopped": ["look"], "identity": "left as it is: that takes a proof"}
    assert (failure.type, failure.message) == (
        "Revoked",
        f"stage 'look' revoked: stopped: {REASON}",
    )
    assert stopped.payload.items() >= {("path", "look"), ("reason", REASON), ("proof", False)}
    assert tier_of(openbao, await agent_of(engine, handle)) == "T2"


@pytest.mark.parametrize("whole", [False, True])
async def test_a_run_stops_an_agent_by_its_name_wherever_it_is_at_work(engine: Engine, whole: bool):
    both = {
        "name": "both",
        "type": "parallel",
        "config": {"on_failure": "continue"},
        "branches": [
            {"name": "a", "stages": [stage("look", agent="one")]},
            {"name": "b", "stages": [stage("look", agent="one")]},
            {"name": "c", "stages": [stage("look", agent="two")]},
        ],
    }
    handle = await at_work(engine, both, path="both/a/look")
    await engine.runner.until_running("both/b/look", "both/c/look")
    agent = await agent_of(engine, handle, "both/a/look") if whole else "one"
    answer = await handle.execute_update("revoke", {"agent": agent, "reason": REASON})
    await engine.until(
        handle,
        lambda s: {s["stages"][f"both/{x}/look"]["status"] for x in "ab"} == {"revoked"},
    )
    status = await handle.query("status")
    await handle.signal("revoke", {"agent": "two", "reason": REASON})

    assert answer["stopped"] == ["both/a/look", "both/b/look"]
    assert status["stages"]["both/c/look"]["status"] == "running"
    assert (await failure_of(handle)).type == "Revoked"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"stage": "nowhere", "reason": "x"}, "there is no agent stage 'nowhere'"),
        ({"stage": "review", "reason": "x"}, "there is no agent stage 'review'"),
        ({"stage": "after", "reason": "x"}, "stage 'after' is not at work; at work: look"),
        ({"agent": "nobody", "reason": "x"}, "there is no agent 'nobody'"),
        ({"agent": "later", "reason": "x"}, "agent 'later' is not at work"),
        ({"stage": "look"}, "reason: it is missing"),
        ({"stage": "look", "reason": "  "}, "reason: "),
        ({"stage": "look", "agent": "x", "reason": "x"}, "expected one of stage and agent"),
        ({"reason": "x"}, "expected one of stage and agent"),
        ({"stage": "look", "reason": "x", "more": 1}, "more: "),
        (None, "input: "),
    ],
)
async def test_a_run_refuses_what_it_cannot_stop(engine: Engine, message: Any, why: str):
    later = stage("after", requires=["review"], agent="later")
    handle = await at_work(engine, stage("look"), gate("review"), later)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("revoke", message)
    await handle.signal("revoke", message)
    status = await engine.until(handle, lambda s: s["void_messages"] != [])
    await handle.execute_update("revoke", {"stage": "look", "reason": REASON})

    assert why in str(caught.value.cause)
    assert why in status["void_messages"][0]["why"]
    assert status["stages"]["look"]["status"] == "running"
    assert (await failure_of(handle)).type == "Revoked"


async def test_what_was_told_to_stop_is_told_once(engine: Engine):
    ends = asyncio.Event()

    async def end_slowly(request: Request) -> dict[str, Any]:
        try:
            return await hang(request)
        except asyncio.CancelledError:
            await ends.wait()
            raise

    engine.runner.behaviours["look"] = end_slowly
    handle = await at_work(engine)
    message = {"stage": "look", "reason": REASON}
    await handle.execute_update("revoke", message)
    await handle.signal("revoke", message)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("revoke", {**message, "reason": "I mean it"})
    with_proof = await handle.execute_update("revoke", {**message, "proof": "of-nobody"})
    ends.set()
    failure = await failure_of(handle)

    assert "told to stop already" in str(caught.value.cause)
    assert with_proof["stopped"] == ["look"]
    assert failure.message == f"stage 'look' revoked: stopped: {REASON}"
    assert len(told(engine, handle, "stage.stopped")) == 1


async def test_what_has_ended_is_not_stopped(engine: Engine):
    engine.runner.behaviours["look"] = fail
    document = pipeline(stage("look"), gate("review"))
    both = {
        "name": "both",
        "type": "parallel",
        "config": {"on_failure": "continue"},
        "branches": [{"name": each["name"], "stages": [each]} for each in document["stages"]],
    }
    handle = await engine.start(pipeline(both))
    await engine.until(handle, lambda s: _status_of(s, "both/look/look") == "failed")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("revoke", {"stage": "both/look/look", "reason": REASON})
    await handle.signal(
        "vote", {"gate": "both/review/review", "decision": "approve", "voter": "ann"}
    )

    assert "is not at work; at work: none is" in str(caught.value.cause)
    assert (await failure_of(handle)).type == "StageFailed"
