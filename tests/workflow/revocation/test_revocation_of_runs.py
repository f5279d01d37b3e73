"""Which runs and processes a revocation finds, and what it does not take for one."""

from __future__ import annotations

import os
import uuid
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.workflowservice.v1 import (
    PauseWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from activities.revocation import agent_runs
from activities.revocation.agent_runs import under_way
from activities.runtime.endings import state_of
from dsl.core import Tier
from dsl.rules.run.sweeping import RunState
from integrations.agents.processes.roster import Roster
from tests.fixtures.engine import Engine, failure_of
from tests.fixtures.hostile.impostor import impostors, signers
from tests.fixtures.revoking import (
    at_work,
    document,
    revoke,
    start,
    start_with,
    until,
    until_at_work,
    word_of,
)
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.standing import activities_of, agent_of, entity_of
from tests.fixtures.voting import Signer
from tests.integration.vault.holders import set_tier

NO_RUN = "temporal: no run"


async def pause(client: Client, workflow_id: str, *, lets_go_on: bool = False) -> None:
    """Pause a run as ``temporal workflow pause`` does, or let it go on."""
    about = {
        "namespace": client.namespace,
        "workflow_id": workflow_id,
        "identity": "a test",
        "reason": "to see",
        "request_id": str(uuid.uuid4()),
    }
    service = client.workflow_service
    if not lets_go_on:
        await service.pause_workflow_execution(PauseWorkflowExecutionRequest(**about))
    else:
        await service.unpause_workflow_execution(UnpauseWorkflowExecutionRequest(**about))


@pytest_asyncio.fixture
async def ann(people: People) -> Signer:
    return (await signers(people))["ann"]


async def test_every_run_of_the_agent_is_stopped_and_no_other(engine: Engine, ann: Signer):
    of = document()
    one, agent = await at_work(engine, of)
    two = await engine.start(of)
    await until_at_work(engine, two)
    other, another = await at_work(engine)
    assert await agent_of(engine, two) == agent

    receipt = await revoke(engine, agent, ann)

    assert receipt["complete"] is True
    assert [(await failure_of(run)).type for run in (one, two)] == ["Revoked", "Revoked"]
    assert (await other.describe()).status is WorkflowExecutionStatus.RUNNING
    assert [run.workflow for run in await under_way(engine.client, another)] == [f"{other.id}/look"]
    await revoke(engine, another)
    await failure_of(other)


async def test_a_run_that_is_paused_is_not_taken_for_one_that_has_ended(
    engine: Engine, ann: Signer
):
    run, agent = await at_work(engine)
    child = f"{run.id}/look"
    await pause(engine.client, child)

    handle = await start(engine, agent, ann)
    receipt = await until(handle, "vault: no token left", "processes: none")
    assert [found.workflow for found in await under_way(engine.client, agent)] == [child]
    assert NO_RUN not in [
        line["what"][: len(NO_RUN)] for line in receipt["lines"] if line["confirmed"]
    ]
    assert await state_of(engine.client, child, None) is RunState.AT_WORK
    await pause(engine.client, child, lets_go_on=True)

    assert (await handle.result())["complete"] is True
    assert (await failure_of(run)).type == "Revoked"


async def test_runs_that_do_not_name_their_agent_are_asked(
    engine: Engine, ann: Signer, monkeypatch: pytest.MonkeyPatch
):
    async def unregistered(_client: Any) -> bool:
        return False

    monkeypatch.setattr(agent_runs, "_AGENT", SearchAttributeKey.for_keyword("MandateStatus"))
    monkeypatch.setattr(agent_runs, "has_search_attributes", unregistered)
    run, agent = await at_work(engine)
    other, another = await at_work(engine)

    receipt = await revoke(engine, agent, ann)

    assert receipt["complete"] is True
    assert (await failure_of(run)).type == "Revoked"
    assert (await other.describe()).status is WorkflowExecutionStatus.RUNNING
    await revoke(engine, another)
    await failure_of(other)


async def test_a_process_that_lives_is_not_confirmed_to_be_gone(engine: Engine, ann: Signer):
    _, agent = await at_work(engine)
    with Roster().listed(agent, "left-behind") as listed:
        listed(os.getpid())
        handle = await start(engine, agent, ann)
        receipt = await until(handle, NO_RUN, "vault: no token left")
        assert receipt["complete"] is False
    after = await handle.result()

    assert after["complete"] is True


@pytest.mark.parametrize("is_first", [True, False])
async def test_an_agent_that_holds_t3_is_looked_for_on_both_queues(
    engine: Engine, openbao: OpenBao, ann: Signer, is_first: bool
):
    _, agent = await at_work(engine)
    set_tier(openbao, entity_of(openbao, agent)["id"], Tier.T3)

    if is_first:
        receipt = await revoke(engine, agent, ann)
    else:  # nobody's word is there already
        receipt = await (await start_with(engine, agent, await word_of(ann, agent))).result()
    asked = [
        line["detail"] for line in receipt["lines"] if line["what"].startswith("processes: none")
    ]

    assert receipt["complete"] is True
    assert [detail.rpartition(" ")[2] for detail in asked] == ["mandate", "mandate-t3"]
    assert "revoke.identity/again#1" in await activities_of(engine, f"revocation/{agent}")


async def test_a_run_that_only_calls_itself_an_agents_keeps_no_receipt_from_completing(
    engine: Engine, ann: Signer
):
    _, agent = await at_work(engine)
    async with impostors(engine) as client:
        squatter = await client.start_workflow(
            "Agent", id=f"t-{uuid.uuid4()}", task_queue="nobody-polls-this"
        )
        receipt = await revoke(engine, agent, ann)
        await squatter.terminate()

    assert receipt["complete"] is True
