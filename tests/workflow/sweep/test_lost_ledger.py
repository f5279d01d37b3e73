"""A ledger that is lost under its worker: no run ends of it, everybody sees why it waits."""

from __future__ import annotations

import asyncio
import uuid

from integrations.ledger.store import wal_of
from mandate.doctor.servers import ledger_file
from tests.fixtures.engine import Engine, gate, pipeline, stage
from tests.fixtures.ledger.entries import told_by


async def test_a_run_waits_for_a_ledger_that_was_replaced_and_goes_on_when_it_is_back(
    engine: Engine,
):
    path = engine.settings.ledger
    env = {"MANDATE_LEDGER": str(path)}
    handle = await engine.start(pipeline(gate("ok"), stage("look", requires=["ok"])))
    await engine.pending(handle, "ok")
    assert ledger_file(env).ok
    away = path.with_name(f"away-{uuid.uuid4()}")
    path.rename(away)
    try:
        await handle.signal("vote", {"gate": "ok", "decision": "approve", "voter": "ann"})
        why = await reason_to_wait(engine, handle.id)
        found = ledger_file(env)
        code, shown = await engine.cli("workflow", "describe", "-w", handle.id)
    finally:
        away.rename(path)

    assert f"the ledger {path} is gone" in why
    assert "put the file back, with its log, or a copy that holds entry" in why
    assert not found.ok
    assert "is gone" in found.detail
    assert (code, "put the file back" in " ".join(shown.split())) == (0, True)
    report = await handle.result()
    assert (report["status"], report["not_recorded"]) == ("completed", 0)
    assert ledger_file(env).ok
    assert wal_of(path).exists()
    ours = {each.action for each in told_by(path, handle.id)}
    assert "run.ended" in ours


async def reason_to_wait(engine: Engine, workflow_id: str) -> str:
    """Wait until an activity of the run has failed once and is to be tried again."""
    async with asyncio.timeout(60):
        while True:
            found = await engine.client.get_workflow_handle(workflow_id).describe()
            for pending in found.raw_description.pending_activities:
                if pending.attempt > 1 and pending.last_failure.message:
                    return str(pending.last_failure.message)
            await asyncio.sleep(0.05)
