"""Revoking an agent: everything of it stops, and only what was seen to be so is confirmed."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest_asyncio

from integrations.dragonfly.agent_state import AgentState
from integrations.dragonfly.client import connect
from integrations.ledger.verify import tail, verify
from tests.fixtures.engine import Engine, failure_of, hang, pipeline, stage
from tests.fixtures.impostor import signers
from tests.fixtures.openbao import OpenBao, People
from tests.fixtures.revoking import LINES, detail_of, revoke, start, state_of, until
from tests.fixtures.standing import agent_of, entity_of
from tests.fixtures.voting import Signer
from tests.integration.vault.test_brake import THREADS, Hammer, hammering, mint, reading


@pytest_asyncio.fixture
async def them(people: People) -> dict[str, Signer]:
    return await signers(people)


async def at_work(engine: Engine, *, tier: int = 2, **fields: Any) -> tuple[Any, str]:
    """Start an agent that works until it is stopped; return its run and its id."""
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look", config={"tier": tier, **fields})))
    await engine.runner.until_running("look")
    return handle, await agent_of(engine, handle)


def revoked_on_the_ledger(engine: Engine, agent: str) -> list[Any]:
    entries = tail(engine.settings.ledger, 2_000)
    return [e.payload for e in entries if (e.action, e.agent) == ("agent.revoked", agent)]


async def guard_of(engine: Engine, agent: str) -> Any:
    settings = engine.settings
    redis = connect(settings.dragonfly_url, settings.dragonfly_password_file)
    try:
        return await AgentState(redis).read(agent)
    finally:
        await redis.aclose()


async def test_everything_of_a_running_agent_is_stopped_and_confirmed(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer]
):
    run, agent = await at_work(engine)

    receipt = await revoke(engine, agent, them["ann"])
    failure = await failure_of(run)

    assert state_of(receipt) == dict.fromkeys([*LINES, "processes: none of the agent's"], True)
    assert receipt["complete"] is True
    assert (receipt["agent"], receipt["by"]) == (agent, "ann")
    assert set(receipt) == {"agent", "epoch", "lines", "complete", "rotate", "by"}
    assert failure.type == "Revoked"
    assert engine.runner.running == set()
    assert entity_of(openbao, agent)["disabled"] is True
    guard = await guard_of(engine, agent)
    assert (guard.revoked, guard.epoch) == (True, receipt["epoch"])
    [entry] = [
        e
        for e in tail(engine.settings.ledger, 1_000)
        if e.action == "agent.revoked" and e.agent == agent
    ]
    assert (entry.payload["epoch"], entry.payload["by"]) == (receipt["epoch"], "ann")
    assert verify(engine.settings.ledger).problems == ()


async def test_no_request_with_a_held_token_succeeds_once_the_identity_line_is_confirmed(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer]
):
    openbao.put_secret("kv-shared/docs/revoked", v="x")
    run, agent = await at_work(engine)
    place = "kv-shared/data/docs/revoked"
    jobs = [reading(openbao, mint(openbao, agent), place) for _ in range(THREADS)]

    def hammered(until_confirmed: threading.Event) -> tuple[Hammer, float]:
        with hammering(jobs) as hammer:
            warm.set()
            assert until_confirmed.wait(60)
            stopped = time.monotonic()
            hammer.more()
        return hammer, stopped

    warm, confirmed = threading.Event(), threading.Event()
    hammered_meanwhile = asyncio.create_task(asyncio.to_thread(hammered, confirmed))
    await asyncio.to_thread(warm.wait, 60)
    revocation = await start(engine, agent, them["ann"])
    await until(revocation, "vault: identity disabled")
    confirmed.set()
    hammer, stopped = await hammered_meanwhile

    tries = [each for done in hammer.done for each in done]
    assert all(any(succeeded for _, succeeded in done) for done in hammer.done)
    assert [each for each in tries if each[1] and each[0] >= stopped] == []
    assert len([each for each in tries if each[0] >= stopped]) >= THREADS
    assert (await revocation.result())["complete"] is True
    assert (await failure_of(run)).type == "Revoked"


async def test_without_a_proof_the_runs_stop_and_the_identity_stays(
    engine: Engine, openbao: OpenBao
):
    run, agent = await at_work(engine)

    receipt = await revoke(engine, agent)

    assert (await failure_of(run)).type == "Revoked"
    assert receipt["complete"] is False
    assert receipt["unproven"] is True
    assert detail_of(receipt, "vault: identity").startswith("not proven: ")
    assert detail_of(receipt, "dragonfly: guard").startswith("not proven: ")
    assert [what for what, so in state_of(receipt).items() if so] == [
        "temporal: no run of the agent is under way",
        "processes: none of the agent's",
    ]
    assert entity_of(openbao, agent)["disabled"] is False
    assert (await guard_of(engine, agent)).revoked is False
    assert not [
        e
        for e in tail(engine.settings.ledger, 1_000)
        if e.action == "agent.revoked" and e.agent == agent
    ]
