"""What is forged below T3, deleted or left out is found by comparing histories with the ledger."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.ledger import reconcile
from activities.runtime.engine import RECONCILE_SCHEDULE, ensure_reconcile_schedule
from dsl.core import AgentPhase, OutputType
from dsl.rules.health.vitality import Grade
from dsl.values.canonical import digest_of
from integrations.health.probes.disputes import disputes_probe
from integrations.ledger.verify import TAIL_MAX, tail
from tests.fixtures.engine import Engine, after_look, failure_of, gate, hang, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.servers.openbao import OpenBao, People
from tests.integration.ledger.anchors.test_anchoring import rebuild_without
from tests.unit.mandate.programs import ROOT, mandate
from tests.workflow.proofs.test_forged_completions import (
    CONFIG,
    forge_a_vote,
    no_signature_checked,
)
from workflows.ledger.reuse import RESUME_MEMO

SEEN_S = 60


async def reconciled(
    engine: Engine, *words: str, code: int, ledger: Path | None = None
) -> list[dict[str, Any]]:
    """Type the command; return what it says of each run."""
    said = await asyncio.to_thread(typed, engine, *words, "--json", ledger=ledger)
    assert said.returncode == code, said
    return [json.loads(line) for line in said.stdout.splitlines()]


def typed(
    engine: Engine, *words: str, ledger: Path | None = None
) -> subprocess.CompletedProcess[str]:
    variables = {
        "TEMPORAL_ADDRESS": engine.settings.temporal,
        "MANDATE_LEDGER": str(ledger or engine.settings.ledger),
        "MANDATE_ARTIFACTS": str(engine.settings.artifacts),
    }
    return mandate("ledger", "reconcile", *words, cwd=ROOT, env=variables)


def copied(engine: Engine, into: Path) -> Path:
    """Return a copy of the ledger as it is now, that nobody writes."""
    with sqlite3.connect(engine.settings.ledger) as there, sqlite3.connect(into) as here:
        there.backup(here)
    return into


def entry_of(engine: Engine, workflow: str, action: str) -> int:
    entries = told_by(engine.settings.ledger, workflow)
    return next(e.seq for e in entries if (e.workflow_id, e.action) == (workflow, action))


async def forge(
    engine: Engine, stage_id: str, identity: str, answer: dict[str, Any] | ApplicationError
) -> None:
    """Answer for EXECUTE of a stage by its id, while its agent is at work, under some name."""
    host = engine.client.service_client.config.target_host
    forger = await Client.connect(host, identity=identity)
    name = f"{stage_id.partition('/')[2]}/EXECUTE#1"
    handle = forger.get_async_activity_handle(workflow_id=stage_id, run_id=None, activity_id=name)
    if isinstance(answer, ApplicationError):
        await handle.fail(answer)
    else:
        await handle.complete(answer)


async def at_work(engine: Engine) -> Any:
    """Return a run whose one agent has begun and does not end."""
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    async with asyncio.timeout(SEEN_S):
        while "look" not in engine.runner.running:  # noqa: ASYNC110  # until it has begun
            await asyncio.sleep(0.02)
    return handle


async def test_a_run_agrees_and_an_entry_that_was_deleted_and_the_chain_rebuilt_does_not(
    engine: Engine, tmp_path: Path
) -> None:
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    [good] = await reconciled(engine, handle.id, code=0)
    assert [good] == await reconciled(engine, handle.id, "--run-id", good["run_id"], code=0)
    [other] = await reconciled(engine, handle.id, "--run-id", str(uuid.uuid4()), code=2)
    assert "neither temporal nor the ledger knows" in other["not_compared"]
    stage_of = await asyncio.to_thread(typed, engine, f"{handle.id}/look")
    assert stage_of.returncode == 2
    assert f"is a stage, compared with its run: mandate ledger reconcile {handle.id}\n" in (
        stage_of.stderr
    )

    ledger = copied(engine, tmp_path / "copy.db")
    gone = entry_of(engine, f"{handle.id}/look", "agent.execute")
    rebuild_without(ledger, gone)
    [bad] = await reconciled(engine, handle.id, code=1, ledger=ledger)

    assert (good["ok"], good["disagreements"]) == (True, [])
    assert good["entries"] > 10
    assert [each["found"] for each in bad["disagreements"]] == ["no such entry"] * len(
        bad["disagreements"]
    )
    assert any("agent.execute" in each["expected"] for each in bad["disagreements"])


async def test_entries_that_cannot_be_read_are_a_disagreement(
    engine: Engine, tmp_path: Path
) -> None:
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    ledger = copied(engine, tmp_path / "copy.db")
    with sqlite3.connect(ledger) as other:
        other.execute("DROP TRIGGER ledger_no_update")
        other.execute(
            "UPDATE ledger SET payload = '{nothing}' WHERE seq = ?",
            (entry_of(engine, f"{handle.id}/look", "agent.execute"),),
        )
    [bad] = await reconciled(engine, handle.id, code=1, ledger=ledger)

    [said] = bad["disagreements"]
    assert said["expected"] == "entries that can be read"
    assert "cannot be read" in said["found"]


async def test_a_phase_that_somebody_else_completed_is_found_by_his_name(engine: Engine) -> None:
    handle = await at_work(engine)
    await forge(engine, f"{handle.id}/look", "mallory@elsewhere", {"output": {"files": 3}})
    assert (await handle.result())["status"] == "completed"

    [found] = await reconciled(engine, handle.id, code=1)

    [forged] = found["disagreements"]
    assert forged["found"] == "the answer of mallory@elsewhere"
    assert "agent.execute look/EXECUTE#1 to be answered by " in forged["expected"]


async def test_under_the_name_of_the_worker_he_is_found_by_what_nobody_has_kept(
    engine: Engine,
) -> None:
    made_up = {
        "name": "made-up.json",
        "phase": AgentPhase.EXECUTE,
        "output_type": OutputType.BETA,
        "digest": digest_of("made up"),
        "size": 9,
    }
    handle = await at_work(engine)
    same = engine.client.service_client.config.identity
    await forge(engine, f"{handle.id}/look", same, {"outputs": [made_up]})
    await failure_of(handle)

    [found] = await reconciled(engine, handle.id, code=1)

    nothing = [each for each in found["disagreements"] if "nothing under" in each["found"]]
    assert nothing[0]["found"] == f"nothing under {made_up['digest']}"


async def test_a_forged_vote_is_found_by_its_proof_that_is_not_on_the_ledger(
    engine: Engine, openbao: OpenBao, people: People
) -> None:
    handle = await engine.start(after_look(gate("review", **CONFIG)))
    await engine.pending(handle, "review")
    async with no_signature_checked(openbao):
        await forge_a_vote(engine, people, handle)
    await handle.result()

    [found] = await reconciled(engine, handle.id, code=1)

    said = [each["expected"] for each in found["disagreements"]]
    assert any("vote.proven on the ledger" in each for each in said)


async def test_what_cannot_be_compared_says_why(engine: Engine, tmp_path: Path) -> None:
    handle = await at_work(engine)
    busy = await asyncio.to_thread(typed, engine, handle.id)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    nobody = await asyncio.to_thread(typed, engine, "no-such-run")
    none = await asyncio.to_thread(typed, engine, handle.id, ledger=tmp_path / "none.db")

    assert (busy.returncode, nobody.returncode) == (1, 2)
    assert "it is under way: ask again when it is over" in busy.stderr
    assert "neither temporal nor the ledger knows such a run: `mandate runs`" in nobody.stderr
    assert none.returncode == 2
    assert "Traceback" not in none.stderr


async def test_the_schedule_puts_a_run_in_dispute_on_the_ledger(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await at_work(engine)
    await forge(engine, f"{handle.id}/look", "mallory@elsewhere", {})
    await handle.result()
    monkeypatch.setattr(reconcile, "GRACE_S", 0)
    monkeypatch.setattr(reconcile, "ENDED", f'WorkflowId="{handle.id}"')

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = await (await engine.start_type("Reconcile")).result()
        return found

    async with asyncio.timeout(SEEN_S):
        while not (found := await look())["compared"]:  # noqa: ASYNC110  # until it is listed
            await asyncio.sleep(0.2)
    [disputed] = found["disputed"]
    entries = [e for e in tail(engine.settings.ledger, TAIL_MAX) if e.action == "run.disputed"]

    assert disputed["workflow"] == handle.id
    assert "mallory@elsewhere" in disputed["first"]
    assert entries[-1].payload["workflow"] == handle.id

    seen = await disputes_probe(engine.settings.ledger).look()
    later = await disputes_probe(engine.settings.ledger, lambda: time.time() + 8 * 86_400).look()
    nowhere = await disputes_probe(Path("/nowhere/ledger.db")).look()
    assert (seen.grade, later.grade, nowhere.grade) == (Grade.POOR, Grade.GOOD, None)
    assert f"the last is {handle.id} (entry {entries[-1].seq})" in seen.detail
    assert "none of late" in later.detail
    assert f"disagree, as entry {entries[-1].seq}" in await refused_to_resume(engine, handle)


async def refused_to_resume(engine: Engine, handle: Any) -> str:
    """Return why a run of the same pipeline does not resume that one."""
    name = (await handle.result())["pipeline"]
    document = {**pipeline(stage("look")), "name": name}
    return (await failure_of(await resuming(engine, document, {"workflow": handle.id}))).message


async def resuming(
    engine: Engine, document: dict[str, Any], earlier: Any, inputs: dict[str, Any] | None = None
) -> Any:
    """Start a run as anybody may, with that memo."""
    handle = await engine.client.start_workflow(
        "Pipeline",
        {"definition": document, "inputs": inputs or {}},
        id=f"t-{uuid.uuid4()}",
        task_queue="mandate",
        memo={RESUME_MEMO: earlier},
    )
    engine.started.append(handle)
    return handle


async def test_the_schedule_is_made_and_takes_no_input(engine: Engine) -> None:
    said = await ensure_reconcile_schedule(engine.client)
    schedule = (await engine.client.get_schedule_handle(RECONCILE_SCHEDULE).describe()).schedule
    refused = await failure_of(await engine.start_type("Reconcile", {"since": 1}))

    assert said is not None  # the tests have it paused
    assert "is paused" in said
    assert schedule.spec.intervals[0].every.total_seconds() == 3600
    assert refused.message == "a reconciliation takes no input: leave it out"
