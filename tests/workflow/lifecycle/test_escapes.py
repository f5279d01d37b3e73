"""Who reaches out of the sandbox is revoked everywhere, and so is who a person says should be."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from integrations.agents.contract.protocol import AgentError, Request, escaped
from tests.fixtures.engine import Engine, failure_of, hang, pipeline, stage
from tests.fixtures.hostile.impostor import signers
from tests.fixtures.revoking import revoked_on_the_ledger, start, word_of
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.standing import activities_of, agent_of, entity_of, told

SAID = "artifact 'a': '../a' leaves the private directory"


async def escape(_request: Request) -> dict[str, Any]:
    raise escaped(SAID)


async def receipt_of(engine: Engine, agent: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        handle = engine.client.get_workflow_handle(f"revocation/{agent}")
        receipt: dict[str, Any] = await handle.result()
    return receipt


async def test_who_escapes_is_revoked_everywhere(engine: Engine, openbao: OpenBao):
    engine.runner.behaviours["look"] = escape
    document = pipeline(stage("look", config={"retry": 3}))
    handle = await engine.start(document)
    failure = await failure_of(handle)
    agent = await agent_of(engine, handle)
    receipt = await receipt_of(engine, agent)
    [violated] = told(engine, handle, "agent.violated")
    ids = await activities_of(engine, f"{handle.id}/look")
    again = await failure_of(await engine.start(document))

    assert failure.type == "Revoked"
    assert f"escape: {SAID} (violation: sandbox-escape)" in failure.message
    assert f"revocation/{agent} has been started" in failure.message
    assert violated.payload.items() >= {("kind", "sandbox-escape"), ("consequence", "revoke")}
    assert [name for name in ids if name.endswith(("EXIT#1", "REVOKED#1"))] == ["look/REVOKED#1"]
    assert receipt["complete"] is True
    assert entity_of(openbao, agent)["disabled"] is True
    assert again.type == "Revoked"


async def test_another_takes_over_from_who_escapes(engine: Engine):
    tries = []

    async def escape_once(request: Request) -> dict[str, Any]:
        tries.append(request.attempt)
        return await escape(request) if len(tries) == 1 else {}

    engine.runner.behaviours["look"] = escape_once
    handle = await engine.start(pipeline(stage("look", config={"on_revoked": "replace: other"})))

    assert (await handle.result())["stages"]["look"]["status"] == "completed"
    assert (await agent_of(engine, handle)).endswith(".other")


async def test_the_engines_word_waits_for_no_revocation_that_is_under_way(
    engine: Engine, openbao: OpenBao
):
    gone = asyncio.Event()

    async def escape_later(request: Request) -> dict[str, Any]:
        try:
            return await hang(request)
        except asyncio.CancelledError:
            gone.set()
            return await escape(request)

    engine.runner.behaviours["look"] = escape_later
    handle = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    agent = await agent_of(engine, handle)
    revocation = await start(engine, agent)  # by nobody, whose word disables nobody
    failure = await failure_of(handle)
    receipt = await revocation.result()
    [beside] = re.findall(rf"(revocation/{agent}/[0-9a-f]+) has been started", failure.message)
    ours = await engine.client.get_workflow_handle(beside).result()

    assert gone.is_set()
    assert failure.type == "Revoked"
    assert "a workflow of type Revocation on queue mandate" in failure.message
    assert (receipt["complete"], receipt["unproven"]) == (False, True)
    assert (ours["complete"], ours["by"]) == (True, f"{handle.id}/look")
    assert entity_of(openbao, agent)["disabled"] is True


@pytest.mark.parametrize("is_under_way", [False, True])
async def test_with_a_proof_a_run_revokes_the_identity_as_well(
    engine: Engine, openbao: OpenBao, people: People, is_under_way: bool
):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    agent, ann = await agent_of(engine, handle), (await signers(people))["ann"]
    proof = await word_of(ann, agent, "enough")
    if is_under_way:
        await start(engine, agent)  # by nobody in particular: it stops the runs only
    message = {"stage": "look", "reason": "enough", "proof": proof}
    await handle.signal("revoke", message)
    failure = await failure_of(handle)
    async with asyncio.timeout(60):  # under the agent's id, or beside who was first
        while not revoked_on_the_ledger(engine, agent):  # noqa: ASYNC110  # another thread writes
            await asyncio.sleep(0.02)
    [recorded] = revoked_on_the_ledger(engine, agent)

    assert failure.type == "Revoked"
    assert recorded["by"] == "ann"
    assert entity_of(openbao, agent)["disabled"] is True


async def test_a_proof_about_another_reason_stops_the_run_and_disables_nobody(
    engine: Engine, openbao: OpenBao, people: People
):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    await engine.runner.until_running("look")
    agent, ann = await agent_of(engine, handle), (await signers(people))["ann"]
    proof = await word_of(ann, agent, "enough")
    answer = await handle.execute_update(
        "revoke", {"stage": "look", "reason": "something else", "proof": proof}
    )
    failure = await failure_of(handle)
    receipt = await receipt_of(engine, agent)

    assert answer == {
        "stopped": ["look"],
        "identity": f"revocation/{agent} has been started",
    }
    assert failure.type == "Revoked"
    assert receipt["complete"] is False
    assert entity_of(openbao, agent)["disabled"] is False


async def test_processes_that_would_not_end_are_an_escape(engine: Engine):
    async def leave_processes(_request: Request) -> dict[str, Any]:
        raise AgentError("escape", "2 process(es) could not be ended", retryable=False)

    engine.runner.behaviours["look"] = leave_processes
    handle = await engine.start(pipeline(stage("look")))
    failure = await failure_of(handle)
    [violated] = told(engine, handle, "agent.violated")

    assert "2 process(es) could not be ended" in failure.message
    assert violated.payload["kind"] == "sandbox-escape"
