"""Whoever holds the id of a revocation holds no brake: identity and guard within a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from dsl.core import Tier
from integrations.agents.contract.protocol import Request, escaped
from mandate.people import revoking
from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.hostile.impostor import signers
from tests.fixtures.hostile.squatters import KINDS, PIPELINE, Kind, held, squatters
from tests.fixtures.revoking import (
    REASON,
    at_work,
    document,
    guard_of,
    revoked_on_the_ledger,
    start,
    word_of,
)
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.standing import agent_of, entity_of
from tests.fixtures.voting import Signer
from tests.integration.vault.holders import set_tier

BRAKED_S = 60  # whoever holds the id holds it longer
CASES = [(kind, Tier.T2) for kind in KINDS] + [(PIPELINE, Tier.T3), (KINDS[-1], Tier.T3)]


@pytest_asyncio.fixture
async def ann(people: People) -> Signer:
    return (await signers(people))["ann"]


@pytest_asyncio.fixture
async def somebody(engine: Engine) -> AsyncIterator[Client]:
    async with squatters(engine) as client:
        yield client


@dataclass(frozen=True)
class Squat:
    """Who holds an id, with what, while the agent holds which tier."""

    client: Client
    kind: Kind
    tier: Tier


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1].name}")
def squat(request: pytest.FixtureRequest, somebody: Client) -> Squat:
    return Squat(somebody, *request.param)


async def until_braked(engine: Engine, openbao: OpenBao, agent: str) -> None:
    """Wait until the identity is disabled and the guard set: all the while the id is held."""
    async with asyncio.timeout(BRAKED_S):
        while True:
            guard = await guard_of(engine, agent)
            if guard and guard.revoked and entity_of(openbao, agent)["disabled"]:
                return
            await asyncio.sleep(0.01)


async def revoke(engine: Engine, agent: str, who: Signer) -> Any:
    """Revoke as ``mandate revoke`` does."""
    order = {"agent": agent, "reason": REASON, "proof": await word_of(who, agent)}
    handle = await revoking.start(engine.client, order)
    engine.started.append(handle)
    return handle


async def cannot_run_again(engine: Engine, of: dict[str, Any]) -> bool:
    return (await failure_of(await engine.start(of))).type == "Revoked"


async def test_a_persons_word_brakes_at_once_whoever_holds_the_id(
    engine: Engine,
    openbao: OpenBao,
    ann: Signer,
    capsys: pytest.CaptureFixture[str],
    squat: Squat,
):
    of = document()
    run, agent = await at_work(engine, of)
    set_tier(openbao, entity_of(openbao, agent)["id"], squat.tier)
    order = {"agent": agent, "reason": REASON, "proof": await word_of(ann, agent)}

    async with held(squat.client, name := f"revocation/{agent}", kind := squat.kind):
        handle = await revoking.start(engine.client, order)
        await until_braked(engine, openbao, agent)
        engine.started.append(handle)
        ended = await revoking.watch(handle, 60)
        said = capsys.readouterr().err

    assert handle.id.startswith(f"{name}/")
    assert ended.is_complete
    assert (ended.receipt["by"], ended.receipt["agent"]) == ("ann", agent)
    assert f"{handle.id} is started" in said
    assert ("and no Revocation" in said) == (kind is not KINDS[-1])
    assert f"{kind.type} on queue {kind.queue}" in said or kind is KINDS[-1]
    assert (await failure_of(run)).type == "Revoked"
    assert await cannot_run_again(engine, of)


async def test_who_escapes_is_stopped_at_once_whoever_holds_the_id(
    engine: Engine, openbao: OpenBao, squat: Squat
):
    let_go = asyncio.Event()

    async def escape(_request: Request) -> dict[str, Any]:
        await let_go.wait()
        raise escaped("artifact 'a': '../a' leaves the private directory")

    engine.runner.behaviours["look"] = escape
    of = pipeline(stage("look", config={"retry": 3, "tier": 2}))
    run = await engine.start(of)
    await engine.runner.until_running("look")
    agent = await agent_of(engine, run)
    set_tier(openbao, entity_of(openbao, agent)["id"], squat.tier)

    async with held(squat.client, name := f"revocation/{agent}", kind := squat.kind):
        let_go.set()
        await until_braked(engine, openbao, agent)
        failure = await failure_of(run)
        assert await cannot_run_again(engine, of)

    assert f"{name}/" in failure.message
    assert f"as {name} is taken by a workflow of type {kind.type} on queue {kind.queue}" in (
        failure.message
    )
    assert "under way" not in failure.message
    assert [each["how"] for each in revoked_on_the_ledger(engine, agent)] == ["violation"]


async def test_a_word_given_to_a_run_is_not_lost_to_who_holds_the_id(
    engine: Engine, openbao: OpenBao, somebody: Client, ann: Signer
):
    run, agent = await at_work(engine)
    message = {"stage": "look", "reason": REASON, "proof": await word_of(ann, agent)}
    async with held(somebody, name := f"revocation/{agent}"):
        answer = await run.execute_update("revoke", message)
        await until_braked(engine, openbao, agent)

    assert answer["identity"].startswith(f"{name}/")
    assert "is taken by a workflow of type Pipeline on queue of-a-squatter" in answer["identity"]
    assert (await failure_of(run)).type == "Revoked"


async def test_who_ends_a_revocation_and_takes_its_id_delays_no_other(
    engine: Engine, openbao: OpenBao, somebody: Client, ann: Signer
):
    run, agent = await at_work(engine)
    first = await start(engine, agent)  # by nobody: it stops the run, and is ended meanwhile
    await first.terminate()
    async with held(somebody, f"revocation/{agent}"):
        handle = await revoke(engine, agent, ann)
        await until_braked(engine, openbao, agent)
        receipt = await handle.result()

    assert (receipt["complete"], receipt["by"]) == (True, "ann")
    await failure_of(run)
