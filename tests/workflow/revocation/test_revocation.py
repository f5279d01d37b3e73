"""Revoking an agent: everything of it stops, and only what was seen to be so is confirmed."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest_asyncio
import requests

from integrations.agents.contract.protocol import ESCAPE, AgentError, Request
from integrations.agents.processes.roster import Roster
from integrations.ledger.verify import verify
from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.hostile.impostor import signers
from tests.fixtures.revoking import (
    LINES,
    at_work,
    detail_of,
    document,
    empty_dragonfly,
    guard_of,
    revoke,
    revoked_on_the_ledger,
    start,
    start_with,
    state_of,
    until,
    word_of,
)
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.tools.shop import Shop
from tests.fixtures.trust.standing import agent_of, entity_of
from tests.fixtures.voting import Signer
from tests.integration.vault.holders import living_tokens, mint_order
from tests.integration.vault.identity.test_brake import THREADS, Hammer, hammering, mint, reading


@pytest_asyncio.fixture
async def them(people: People) -> dict[str, Signer]:
    return await signers(people)


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
    assert guard is not None
    assert (guard.revoked, guard.epoch) == (True, receipt["epoch"])
    [recorded] = revoked_on_the_ledger(engine, agent)
    assert (recorded["epoch"], recorded["by"]) == (receipt["epoch"], "ann")
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


async def test_a_tool_server_that_is_up_for_an_agent_ends_with_it(
    engine: Engine, them: dict[str, Signer], tmp_path: Path
):
    shop = Shop(engine.settings.tools[0], tmp_path)
    await shop.open()

    async def look(request: Request) -> dict[str, Any]:
        told = await engine.runner.call(request, f"{shop.name}/refund", {"amount": 1})
        return {"told": told.text}

    engine.runner.behaviours["look"] = look
    config = {"tier": 2, "tools": [shop.rule("allow")]}
    run = await engine.start(pipeline(stage("look", config=config)))
    await run.result()
    agent, roster = await agent_of(engine, run), Roster()
    before = [each.agent for each in roster.alive(agent)]

    revocation = await start(engine, agent, them["ann"])

    assert before == [agent]
    assert (await revocation.result())["complete"] is True
    assert roster.alive(agent) == []


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
    guard = await guard_of(engine, agent)
    assert guard is not None
    assert guard.revoked is False
    assert revoked_on_the_ledger(engine, agent) == []


async def test_a_person_is_heard_where_somebody_has_started_it_without_a_word(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer]
):
    _, agent = await at_work(engine)
    handle = await start_with(engine, agent, await word_of(them["ann"], agent))
    receipt = await handle.result()

    assert (receipt["complete"], receipt["by"]) == (True, "ann")
    assert entity_of(openbao, agent)["disabled"] is True


async def test_a_revocation_is_not_cancelled(engine: Engine, them: dict[str, Signer]):
    _, agent = await at_work(engine)
    handle = await start(engine, agent, them["ann"])
    await handle.cancel()
    receipt = await handle.result()

    assert receipt["complete"] is True


async def test_twice_is_harmless_and_the_later_epoch_stands(
    engine: Engine, them: dict[str, Signer]
):
    _, agent = await at_work(engine)
    first = await revoke(engine, agent, them["ann"])
    second = await revoke(engine, agent, them["bob"])
    guard = await guard_of(engine, agent)

    assert [first["complete"], second["complete"]] == [True, True]
    assert second["epoch"] > first["epoch"]
    assert guard is not None
    assert (guard.revoked, guard.epoch) == (True, second["epoch"])
    assert [each["by"] for each in revoked_on_the_ledger(engine, agent)] == ["ann", "bob"]


async def test_a_revoked_agent_starts_nowhere_also_when_dragonfly_was_emptied(
    engine: Engine, them: dict[str, Signer]
):
    of = document()
    run, agent = await at_work(engine, of)
    await revoke(engine, agent, them["ann"])
    await failure_of(run)
    engine.runner.requests.clear()
    refused = await failure_of(await engine.start(of))
    await empty_dragonfly(engine)
    after = await failure_of(await engine.start(of))

    assert (refused.type, after.type) == ("Revoked", "Revoked")
    assert engine.runner.requests == []


async def test_minting_meanwhile_leaves_no_token(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer]
):
    _, agent = await at_work(engine)
    entity = entity_of(openbao, agent)["id"]
    url = f"{openbao.url}/v1/auth/token/create/gov-agent-{agent}"

    def minting(session: requests.Session) -> bool:
        headers, order = {"X-Vault-Token": openbao.root_token}, mint_order(agent, "gov-t0")
        return session.post(url, headers=headers, json=order, timeout=10).ok

    def hammered(over: threading.Event) -> Hammer:
        with hammering([minting] * 4) as hammer:
            assert over.wait(60)
        return hammer

    over = threading.Event()
    hammer = asyncio.create_task(asyncio.to_thread(hammered, over))
    receipt = await revoke(engine, agent, them["ann"])
    over.set()
    minted = [each for done in (await hammer).done for each in done if each[1]]

    assert minted
    assert receipt["complete"] is True
    assert living_tokens(openbao, entity) == []


async def test_a_violation_that_costs_everything_takes_nobodys_proof(
    engine: Engine, openbao: OpenBao
):
    async def escape(_request: Request) -> dict[str, Any]:
        raise AgentError(ESCAPE, "it reached for what is closed", retryable=False)

    engine.runner.behaviours["look"] = escape
    run = await engine.start(document())
    await failure_of(run)
    agent = await agent_of(engine, run)
    receipt = await engine.client.get_workflow_handle(f"revocation/{agent}").result()

    assert receipt["complete"] is True
    assert receipt["by"] == f"{run.id}/look"
    assert entity_of(openbao, agent)["disabled"] is True
