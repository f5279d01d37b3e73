"""A revocation of an agent whose work somebody else does: only what was seen is confirmed."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.fixtures.hostile.impostor import signers
from tests.fixtures.outside.worker import OutsideActivity, be_deaf, hang
from tests.fixtures.revoking import detail_of, revoke, state_of
from tests.fixtures.servers.openbao import People
from tests.fixtures.trust.standing import agent_of
from tests.fixtures.voting import Signer

OUTSIDE = "outside: nothing of the agent's work goes on"


@pytest_asyncio.fixture
async def ann(people: People) -> Signer:
    return (await signers(people))["ann"]


async def test_work_that_stops_leaves_a_complete_receipt(
    engine: Engine, outside: OutsideActivity, ann: Signer
):
    outside.behaviours["work"] = hang
    run = await engine.start(pipeline(stage("work", template="outside-activity")))
    await outside.until_asked("work")
    receipt = await revoke(engine, await agent_of(engine, run, "work"), ann)
    failure = await failure_of(run)

    assert receipt["complete"] is True
    assert OUTSIDE not in state_of(receipt)
    assert failure.type == "Revoked"
    assert outside.cancelled == ["work"]


async def test_work_that_does_not_stop_is_a_line_that_nobody_confirms(
    engine: Engine, outside: OutsideActivity, ann: Signer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workflows.lifecycle.delegated_phase.BODY_STOP_MS", 1_000)
    outside.behaviours["work"] = be_deaf
    run = await engine.start(pipeline(stage("work", template="outside-activity")))
    await outside.until_asked("work")
    receipt = await revoke(engine, await agent_of(engine, run, "work"), ann)
    await failure_of(run)

    assert receipt["complete"] is False
    assert state_of(receipt)[OUTSIDE] is False
    assert "did not end within 3s of being told to: it may be at work still" in detail_of(
        receipt, "outside"
    )
    assert state_of(receipt)["temporal: no run of the agent is under way"] is True
