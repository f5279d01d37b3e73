"""Who may not revoke an agent, and what cannot be revoked: one clear answer, nothing changed."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.contracts.specs import QUEUE_LEDGER, QUEUE_TRUST
from dsl.rules.proofs.proof import PLAN, REVOKE, reason_digest
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.engine import Engine, failure_of
from tests.fixtures.hostile.impostor import Puppet, impostors, signed, signers
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.revoking import (
    REASON,
    detail_of,
    guard_of,
    revoke,
    revoked_on_the_ledger,
    start,
    start_with,
    word_of,
)
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.voting import Signer
from tests.integration.vault.holders import new_agent, register

QUEUE = "of-another-impostor"
BRAKES = {
    "revoke.identity": QUEUE_TRUST,
    "revoke.guard": QUEUE_TRUST,
    "ledger.revoke": QUEUE_LEDGER,
}


@pytest_asyncio.fixture
async def them(people: People) -> dict[str, Signer]:
    return await signers(people)


@pytest_asyncio.fixture
async def agent(vault: Vault, openbao: OpenBao) -> str:
    """An agent that Vault knows, and that does nothing."""
    login = Login(vault, openbao.roles_dir, QUEUE_TRUST)
    try:
        return (await register(Registrar(vault, login)))[0]
    finally:
        await login.aclose()


def entity_exists(openbao: OpenBao, agent: str) -> bool:
    path = f"identity/entity/name/agent-{agent}"
    return openbao.raw(openbao.root_token, "GET", path).status_code == 200


def is_disabled(openbao: OpenBao, agent: str) -> bool:
    return bool(openbao.as_root("GET", f"identity/entity/name/agent-{agent}")["data"]["disabled"])


async def untouched(engine: Engine, openbao: OpenBao, agent: str) -> bool:
    guard = await guard_of(engine, agent)
    return (
        not is_disabled(openbao, agent)
        and guard is None
        and revoked_on_the_ledger(engine, agent) == []
    )


def refusals(engine: Engine, workflow_id: str) -> list[Any]:
    return [
        entry.payload
        for entry in told_by(engine.settings.ledger, workflow_id)
        if entry.action == "trust.refused"
    ]


async def test_an_agent_that_vault_never_saw_is_refused_and_nothing_is_made(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer]
):
    agent = new_agent()
    handle = await start(engine, agent, them["ann"])
    failure = await failure_of(handle)

    assert failure.type == "UnknownAgent"
    assert f"unknown agent '{agent}'" in failure.message
    assert not entity_exists(openbao, agent)
    assert await guard_of(engine, agent) is None
    assert revoked_on_the_ledger(engine, agent) == []
    assert [each["kind"] for each in refusals(engine, handle.id)] == ["revoke"]


async def test_the_ledger_is_not_asked_about_an_agent_that_a_second_word_is_about(
    engine: Engine, them: dict[str, Signer]
):
    agent = new_agent()
    handle = await start_with(engine, agent, await word_of(them["ann"], agent))

    assert (await failure_of(handle)).type == "UnknownAgent"
    assert revoked_on_the_ledger(engine, agent) == []


BAD: dict[str, tuple[str, Any]] = {
    "no input": ("revocation/a", None),
    "no reason": ("revocation/a", {"agent": "a"}),
    "an empty reason": ("revocation/a", {"agent": "a", "reason": " "}),
    "a long reason": ("revocation/a", {"agent": "a", "reason": "x" * 2_001}),
    "another field": ("revocation/a", {"agent": "a", "reason": "x", "epoch": 1}),
    "another id": ("revocation/b", {"agent": "a", "reason": "x"}),
    "no id of a revocation": (f"t-{uuid.uuid4()}", {"agent": "a", "reason": "x"}),
    "a list": ("revocation/a", ["a"]),
    **{
        f"agent {name}": (f"revocation/{name}", {"agent": name, "reason": "x"})
        for name in ("a/b", "*", "a+", "a..b", "{{identity.entity.id}}", "../sys", "A", "", "a-")
    },
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_is_one_clear_error_and_on_the_ledger(engine: Engine, case: str):
    workflow_id, order = BAD[case]
    handle = await engine.client.start_workflow(
        "Revocation", order, id=workflow_id, task_queue="mandate"
    )
    engine.started.append(handle)
    failure = await failure_of(handle)

    assert failure.type == "RevocationRefused"
    assert len(failure.message) < 300
    assert refusals(engine, workflow_id)


Making = Callable[[dict[str, Signer], str], Awaitable[str]]


def about(agent: str) -> dict[str, Any]:
    return {"agent": agent, "reason": reason_digest(REASON)}


async def nonsense(_them: dict[str, Signer], _agent: str) -> str:
    return "no proof at all"


WORDS: dict[str, Making] = {
    "of another agent": lambda them, _: word_of(them["ann"], "another-agent"),
    "for another reason": lambda them, agent: word_of(them["ann"], agent, "another reason"),
    "expired": lambda them, agent: word_of(them["ann"], agent, expires=int(time.time()) - 60),
    "for ever": lambda them, agent: word_of(them["ann"], agent, expires=2_000_000_000),
    "for another purpose": lambda them, agent: signed(
        them["ann"], PLAN, {"plan": agent, "name": "x", "version": "1"}
    ),
    "with another's key": lambda them, agent: signed(
        Signer("ann", them["ann"].entity, them["eve"].person), REVOKE, about(agent)
    ),
    "of nobody": lambda them, agent: signed(
        Signer("x", str(uuid.uuid4()), them["ann"].person), REVOKE, about(agent)
    ),
    "nonsense": nonsense,
}


@pytest.mark.parametrize("case", WORDS)
async def test_a_word_that_is_not_good_changes_nothing_and_says_why(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer], agent: str, case: str
):
    receipt = await revoke(engine, agent, proof=await WORDS[case](them, agent))

    assert receipt["unproven"] is True
    assert receipt["complete"] is False
    for what in ("vault: identity", "vault: no token", "dragonfly: guard", "ledger:"):
        assert detail_of(receipt, what).startswith("not proven: ")
    assert await untouched(engine, openbao, agent)


async def test_who_is_disabled_revokes_nobody(
    engine: Engine, openbao: OpenBao, people: People, them: dict[str, Signer], agent: str
):
    proof = await word_of(them["eve"], agent)
    people.disable("eve")
    try:
        receipt = await revoke(engine, agent, proof=proof)
    finally:
        people.enable("eve")

    assert "is disabled" in detail_of(receipt, "vault: identity")
    assert await untouched(engine, openbao, agent)


async def test_a_word_is_good_for_one_revocation_on_the_ledger(
    engine: Engine, them: dict[str, Signer], agent: str
):
    proof = await word_of(them["ann"], agent)
    first = await revoke(engine, agent, proof=proof)
    await revoke(engine, agent, proof=proof)

    assert first["complete"] is True
    assert len(revoked_on_the_ledger(engine, agent)) == 1


@workflow.defn(name="Revocation", sandboxed=False)
class OfAnImpostor(Puppet):
    """A workflow of the right name and id, and with any code."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.defn(name="Pipeline", sandboxed=False)
class Starter:
    """A run that starts it, and is no agent's."""

    @workflow.run
    async def run(self, agent: str) -> None:
        await workflow.execute_child_workflow(
            "Revocation", id=f"revocation/{agent}", task_queue=QUEUE
        )


@pytest_asyncio.fixture
async def impostor(engine: Engine) -> AsyncIterator[Client]:
    client = await Client.connect(engine.settings.temporal)
    async with Worker(client, task_queue=QUEUE, workflows=[OfAnImpostor, Starter]):
        yield client


@pytest.mark.parametrize("activity", BRAKES)
async def test_a_forged_revocation_without_a_proof_disables_nobody(
    engine: Engine, openbao: OpenBao, impostor: Client, agent: str, activity: str
):
    run = await impostor.start_workflow("Pipeline", agent, id=f"t-{uuid.uuid4()}", task_queue=QUEUE)
    request = {"agent": agent, "reason": REASON}
    child = impostor.get_workflow_handle(f"revocation/{agent}")
    await until_known(child)
    answer = await sent(child, activity, request)
    await run.terminate()

    assert answer["type"] == "DeniedError"
    assert answer["message"].startswith("not proven: ")
    assert await untouched(engine, openbao, agent)


async def until_known(handle: Any) -> None:
    """Wait until the server knows the workflow."""
    async with asyncio.timeout(60):
        while True:
            try:
                await handle.describe()
            except RPCError:
                await asyncio.sleep(0.05)
            else:
                return


async def sent(handle: Any, activity: str, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = await handle.execute_update(
        "send", args=[activity, request, BRAKES.get(activity, QUEUE_TRUST)]
    )
    return answer


@pytest.mark.parametrize("activity", [*BRAKES, "revoke.runs", "revoke.runs-over"])
async def test_no_other_workflow_asks_the_brakes(
    engine: Engine, openbao: OpenBao, them: dict[str, Signer], agent: str, activity: str
):
    request: dict[str, Any] = {"agent": agent, "reason": REASON}
    if activity in BRAKES:
        request["proof"] = await word_of(them["ann"], agent)
    async with impostors(engine) as client:
        handle = await client.start_workflow(
            "Puppet", id=f"t-{uuid.uuid4()}", task_queue="of-an-impostor"
        )
        answer = await sent(handle, activity, request)
        await handle.terminate()

    assert answer["type"] == "DeniedError"
    assert "only workflow" in answer["message"]
    assert await untouched(engine, openbao, agent)
