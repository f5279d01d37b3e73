"""The anchor that is a workflow, beside the engine that records."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from activities.ledger.temporal_anchor import TemporalAnchor
from dsl.rules.ledger.note import NoteKey, SignedNote
from dsl.rules.run.reserved import ledger_anchor_id
from integrations.ledger.tree.signatures import signer_of
from tests.fixtures.engine import Engine, pipeline, stage
from tests.unit.mandate.programs import ROOT, mandate


async def until_anchored(engine: Engine, size: int) -> SignedNote:
    """Wait until a note of at least ``size`` entries is kept."""
    anchor = TemporalAnchor(engine.client, engine.settings.ledger_origin)
    async with asyncio.timeout(60):
        while True:
            kept = await anchor.read()
            if kept.notes:
                note = SignedNote.parse(kept.notes[-1])
                if note.checkpoint.size >= size:
                    assert signer_of(note, [NoteKey.parse(each) for each in kept.keys])
                    return note
            await asyncio.sleep(0.1)


def typed(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "TEMPORAL_ADDRESS": engine.settings.temporal,
        "MANDATE_LEDGER": str(engine.settings.ledger),
    }
    return mandate("ledger", *words, cwd=ROOT, env=variables)


async def test_the_end_of_a_run_is_anchored_within_seconds_and_proven_to_a_stranger(
    engine: Engine, tmp_path: Path
) -> None:
    handle = await engine.start(pipeline(stage("look")))
    report = await handle.result()
    last = report["ledger"][1]
    note = await until_anchored(engine, last + 1)
    anchor = engine.client.get_workflow_handle(ledger_anchor_id(note.checkpoint.origin))

    asked = SignedNote.parse(await anchor.query("note"))
    assert asked.checkpoint.size >= note.checkpoint.size

    file = str(tmp_path / "proof.json")
    verified = await asyncio.to_thread(typed, engine, "verify")
    proof = await asyncio.to_thread(typed, engine, "prove", str(last), "-o", file)
    assert (verified.returncode, proof.returncode) == (0, 0), (verified, proof)
    assert "as the anchor temporal:ledger-anchor/mandate.local/" in verified.stdout
    kept = await TemporalAnchor(engine.client, note.checkpoint.origin).read()
    good = await asyncio.to_thread(typed, engine, "verify-proof", file, "--key", kept.keys[0])
    assert good.returncode == 0, good
    assert f"ok, entry {last}, run.ended of {handle.id}" in good.stdout


async def test_the_first_note_is_kept_as_every_other_is(engine: Engine) -> None:
    origin = f"t.example/{uuid.uuid4().hex}"
    note = f"{origin}\n3\n{'A' * 43}=\n\n— {origin} {'A' * 92}\n"
    anchor = TemporalAnchor(engine.client, origin)

    await anchor.publish(note, ())

    assert (await anchor.read()).notes == (note,)
    handle = engine.client.get_workflow_handle(ledger_anchor_id(origin))
    engine.started.append(handle)  # its history replays
    await handle.terminate()


async def test_nobody_wedges_an_anchor_or_has_it_keep_what_is_no_note(engine: Engine) -> None:
    origin = f"t.example/{uuid.uuid4().hex}"
    workflow_id = ledger_anchor_id(origin)
    for start in ({}, {"origin": "NO"}, {"origin": origin, "notes": ["x"]}, "x", None):
        handle = await engine.client.start_workflow(
            "LedgerAnchor", start, id=workflow_id, task_queue="mandate"
        )
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    handle = await engine.client.start_workflow(
        "LedgerAnchor", {"origin": origin}, id=workflow_id, task_queue="mandate"
    )
    note = f"{origin}\n3\n{'A' * 43}=\n\n— {origin} {'A' * 92}\n"
    refused = (
        None,
        "x",
        {"note": "x"},
        {"note": note.replace("t.ex", "u.ex")},
        {"note": note, "x": 1},
    )
    for message in refused:
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("publish", message)
    for _ in range(2):
        assert await handle.execute_update("publish", {"note": note}) == 1
    for size in range(4, 60):
        await handle.execute_update("publish", {"note": note.replace("\n3\n", f"\n{size}\n")})
    held = await TemporalAnchor(engine.client, origin).read()
    assert len(held.notes) == 20
    assert held.notes[-1] == await handle.query("note")
    engine.started.append(handle)  # its history replays
    await handle.terminate()
    assert len((await TemporalAnchor(engine.client, origin).read()).notes) == 20  # it was kept
