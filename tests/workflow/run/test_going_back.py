"""A run is taken back to a point: what is before it stays done, no approval after it stands."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.attestation_specs import AttestRequest
from activities.ledger import attest, histories
from activities.ledger.comparing import compare
from integrations.artifacts.store import Artifacts
from mandate.people.errors import RefusalError
from mandate.work.run import repeat
from tests.fixtures.engine import Engine, failure_of, gate, hang, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.unit.mandate.programs import ROOT, mandate
from tests.workflow.ledger.test_reconcile import forge, resuming

SEEN_S = 60
_NO = ApplicationError("no", type="AgentFailed", non_retryable=True)


async def resumed(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    variables = {"TEMPORAL_ADDRESS": engine.settings.temporal}
    return await asyncio.to_thread(mandate, "resume", *words, cwd=ROOT, env=variables)


async def at_once(_request: Any) -> dict[str, Any]:
    return {}


async def breaks(_request: Any) -> dict[str, Any]:
    raise RuntimeError("the old code")


async def run_of(engine: Engine, workflow: str) -> str:
    return (await engine.client.get_workflow_handle(workflow).describe()).run_id


async def agrees(engine: Engine, workflow: str) -> bool:
    """Compare the newest run with the ledger, as the hourly look does."""
    settings = engine.settings
    found = await compare(engine.client, settings.ledger, Artifacts(settings.artifacts), workflow)
    assert (found.untold, found.missing) == ("", ())
    return not found.disagreements


async def point(handle: Any, before: str) -> dict[str, Any]:
    """Return the point before a stage, whole."""
    points: list[dict[str, Any]] = await handle.query("checkpoints", before)
    return next(each for each in points if each["before"] == before)


async def ends(handle: Any, *stages: str) -> list[int]:
    """Return when the run says that stages were over."""
    told = (await handle.query("status"))["stages"]
    return [told[name]["ended_ms"] for name in stages]


async def until_running(engine: Engine, name: str) -> None:
    async with asyncio.timeout(SEEN_S):
        while name not in engine.runner.running:  # noqa: ASYNC110  # until it has begun
            await asyncio.sleep(0.02)


async def test_what_stopped_at_a_stage_goes_on_on_new_code_without_repeating_what_was_done(
    engine: Engine,
):
    names = [f"s{n}" for n in range(1, 5)]
    stages = [stage(name, **({"requires": [f"s{n}"]} if n else {})) for n, name in enumerate(names)]
    engine.runner.behaviours["s3"] = breaks
    handle = await engine.start(pipeline(*stages))
    await failure_of(handle)
    engine.runner.behaviours["s3"] = at_once  # the deploy
    before = [await run_of(engine, f"{handle.id}/{name}") for name in names[:3]]
    ended = await ends(handle, "s1", "s2")

    said = await resumed(engine, handle.id, "--from", "s3", "--yes")
    again = engine.adopt(handle.id)
    report = await again.result()
    after = [await run_of(engine, f"{handle.id}/{name}") for name in names[:3]]

    assert after[:2] == before[:2]  # not run again
    assert await ends(again, "s1", "s2") == ended  # and it took no longer
    assert after[2] != before[2]
    assert said.returncode == 0, said
    assert "repeats  s3\n" in said.stdout
    assert report["status"] == "completed"
    assert {path: row["status"] for path, row in report["stages"].items()} == dict.fromkeys(
        names, "completed"
    )


async def test_a_run_taken_back_to_before_its_approval_keeps_none(engine: Engine):
    document = pipeline(stage("look"), gate("ok", requires=["look"]), stage("go", requires=["ok"]))
    handle = await engine.start(document)
    await engine.pending(handle, "ok")
    vote = {"gate": "ok", "decision": "approve", "voter": "ann"}
    await handle.execute_update("vote", vote)
    await handle.result()
    look, ok, go = [await point(handle, name) for name in ("look", "ok", "go")]

    said = await resumed(engine, handle.id, "--from", "look", "--yes")
    again = engine.adopt(handle.id)
    status = await engine.pending(again, "ok")
    await again.execute_update("vote", vote)
    report = await again.result()
    is_told, took = [await agrees(engine, handle.id)], await ends(again, "look")
    await resumed(engine, handle.id, "--from", "ok", "--yes")  # of it, the first run wrote most
    last = engine.adopt(handle.id)
    await engine.pending(last, "ok")
    await last.execute_update("vote", vote)
    await last.result()
    is_told.append(await agrees(engine, handle.id))

    assert await ends(last, "look") == took
    assert (look["voids"], ok["voids"], go["voids"]) == (["ok"], ["ok"], [])
    assert (look["repeats"], go["repeats"]) == (["look", "ok", "go"], ["go"])
    assert "void     ok\n" in said.stdout
    assert status["approvals"] == []
    assert len(report["approvals"]) == 1
    assert is_told == [True, True]  # what was done before stands under the runs before


MANY = pipeline(
    stage("look"),
    gate("ok", requires=["look"]),
    stage("go", requires=["ok"]),
    gate("side", approvers=["ann", "bob"], quorum=2),
    stage("end", requires=["side"]),
    gate("last", requires=["go", "end"], approvers=["ann", "bob"], quorum=2),
)


def come_to(standing: set[str]) -> tuple[set[str], set[str]]:
    """Return what completes, and the gates that wait, when these gates alone have passed."""
    done: set[str] = set()
    while reached := {
        each["name"]
        for each in MANY["stages"]
        if each["name"] not in done
        and set(each.get("requires", ())) <= done
        and (each["type"] == "agent" or each["name"] in standing)
    }:
        done |= reached
    gates = {each["name"] for each in MANY["stages"] if each["type"] == "gate"}
    return done, {
        each["name"]
        for each in MANY["stages"]
        if each["name"] in gates - done and set(each.get("requires", ())) <= done
    }


async def test_at_every_point_what_is_told_to_be_void_is_void_and_nothing_else(engine: Engine):
    handle = await engine.start(MANY)
    for gate_, voter in (("side", "ann"), ("ok", "ann"), ("side", "bob"), ("last", "ann")):
        await engine.pending(handle, gate_)
        vote = {"gate": gate_, "decision": "approve", "voter": voter}
        await handle.execute_update("vote", vote)
        if gate_ == "ok":  # one vote of two is given before, and one after
            await engine.until(handle, lambda s: s["stages"]["go"]["status"] == "completed")
    base = engine.client.get_workflow_handle(handle.id, run_id=await run_of(engine, handle.id))
    names = [each["before"] for each in await base.query("checkpoints")]
    told = {name: await point(base, name) for name in names}
    seen = {}
    for name in names:
        back = repeat.Return(handle.id, base.run_id or "", told[name]["reset_to"], ())
        await repeat._reset(engine.client, back, name)
        completed, waiting = come_to({"ok", "side"} - set(told[name]["voids"]))

        def has_come(state: dict[str, Any], done=completed, open_=waiting) -> bool:
            stages = state["stages"].items()
            at = {path for path, row in stages if row["status"] == "completed"}
            return (at, {row["gate"] for row in state["waiting_for"]}) == (done, open_)

        async with asyncio.timeout(SEEN_S):
            state = await engine.until(engine.adopt(handle.id), has_come)
        assert all(row["votes"] == 0 for row in state["waiting_for"])
        seen[name] = {row["gate"] for row in state["approvals"]}

    voids = {name: set(each["voids"]) for name, each in told.items()}
    assert voids == {
        "look": {"ok", "side", "last"},
        "side": {"ok", "side", "last"},
        "ok": {"ok", "side", "last"},
        "go": {"side", "last"},  # right behind its gate
        "end": {"last"},
        "last": {"last"},
    }
    assert seen == {name: {"ok", "side"} - each for name, each in voids.items()}


async def test_a_point_at_which_an_agent_was_at_work_goes_back_to_before_it(engine: Engine):
    quick, slow = stage("quick"), stage("slow")
    after = stage("after", requires=["quick"])
    engine.runner.behaviours["slow"] = hang
    engine.runner.behaviours["after"] = hang
    handle = await engine.start(pipeline(quick, slow, after))
    await until_running(engine, "after")
    points = {name: await point(handle, name) for name in ("slow", "after")}
    engine.runner.behaviours["slow"] = engine.runner.behaviours["after"] = at_once

    said = await resumed(engine, handle.id, "--from", "after", "--yes")
    report = await engine.adopt(handle.id).result()

    assert points["after"]["reset_to"] == points["slow"]["event_id"] < points["after"]["event_id"]
    assert points["after"]["repeats"] == ["quick", "slow", "after"]
    assert said.returncode == 0, said
    assert report["status"] == "completed"


async def test_a_phase_of_an_agent_at_work_is_gone_back_to_in_its_stage_alone(engine: Engine):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(document := pipeline(stage("look")))
    await until_running(engine, "look")
    run_id = (await handle.describe()).run_id
    points = await (await engine.child(handle, "look")).query("checkpoints")
    first = await run_of(engine, f"{handle.id}/look")
    engine.runner.behaviours["look"] = at_once

    said = await resumed(engine, handle.id, "--from", "look/EXECUTE", "--yes")
    report = await handle.result()

    assert said.returncode == 0, said
    names = [each["before"] for each in points]
    assert names == [f"look/{name}" for name in ("BOOTSTRAP", "PREFLIGHT", "PLAN", "EXECUTE")]
    # What began in one workflow task is repeated together.
    assert f"repeats  {', '.join(points[-1]['repeats'])}\n" in said.stdout
    assert (points[0]["repeats"], points[0]["voids"]) == (names, [])
    assert f"back to event {points[-1]['event_id']} of {handle.id}/look" in said.stdout
    assert report["status"] == "completed"
    assert (await handle.describe()).run_id == run_id  # the run has waited on
    assert await agrees(engine, handle.id)
    settings = engine.settings
    compared = await compare(engine.client, settings.ledger, None, handle.id)
    ours = [f"{handle.id}/look", handle.id]
    entries = [each for each in told_by(settings.ledger, handle.id) if each.workflow_id in ours]
    assert len({each.run_id for each in entries}) == 3  # the run, its stage, and what that is now
    assert compared.entries == len(entries)
    later, about = attest._Later(), AttestRequest(workflow=handle.id)
    told_of = await attest._histories(engine.client, about, later)  # its evidence
    assert [each.run_id for each in told_of] == [run_id, first]
    assert [each.run_id for each in later.histories] == [await run_of(engine, ours[0])]
    assert later.untold == ""
    again = await resuming(engine, document, {"workflow": handle.id})
    told = (await again.result())["resumed"]["stages"]["look"]
    assert (told["reused"], "somebody has reset it" in told["why"]) == (False, True)


async def test_what_was_forged_in_a_stage_that_was_taken_back_is_found(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """In the second of three lives: none but the third says of which it was taken back."""
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look", config={"retry": 1})))
    await until_running(engine, "look")
    lives = [await run_of(engine, place := f"{handle.id}/look")]

    async def taken_back() -> None:
        engine.runner.requests.clear()
        said = await resumed(engine, handle.id, "--from", "look/EXECUTE", "--yes")
        assert said.returncode == 0, said
        lives.append(await run_of(engine, place))

    async def begun() -> None:
        async with asyncio.timeout(SEEN_S):
            while not engine.runner.requests:  # noqa: ASYNC110  # until it has begun again
                await asyncio.sleep(0.02)

    await taken_back()
    await begun()
    engine.runner.requests.clear()
    await forge(engine, place, "mallory@elsewhere", _NO)
    await begun()  # what mallory has let fail is tried once more
    engine.runner.behaviours["look"] = at_once
    await taken_back()
    await handle.result()
    assert len({*lives}) == 3

    found = await compare(engine.client, engine.settings.ledger, None, handle.id)
    now, genuine = await run_of(engine, f"{handle.id}/look"), histories._history

    async def past_its_retention(client: Client, workflow_id: str, run_id: str) -> WorkflowHistory:
        if run_id == now:
            raise RPCError("workflow execution history hidden", RPCStatusCode.NOT_FOUND, b"")
        return await genuine(client, workflow_id, run_id)

    monkeypatch.setattr(histories, "_history", past_its_retention)
    left = await compare(engine.client, engine.settings.ledger, None, handle.id)
    later, about = attest._Later(), AttestRequest(workflow=handle.id)
    told_of = await attest._histories(engine.client, about, later)

    forged = ["the answer of mallory@elsewhere"]
    assert [each.found for each in found.disagreements] == forged
    assert [each.found for each in left.disagreements] == forged  # the server lists its run
    assert (left.untold, left.missing) == ("", (f"{handle.id}/look, run {now}",))
    assert [each.workflow_id for each in told_of] == [handle.id, f"{handle.id}/look"]
    assert len(later.histories) == 1  # the second life, which the server lists
    assert now in later.untold  # said, and nothing refused


@pytest.mark.parametrize(
    ("place", "code", "why"),
    [
        (
            "nowhere",
            2,
            "before 'nowhere': there is no stage or gate 'nowhere'; there are: look",
        ),
        ("look/VERIFY", 1, "has not come to VERIFY; it has been in: "),
        ("EXECUTE", 2, "name the stage before the phase"),
        ("look/EXECUTED", 2, "there is no phase 'EXECUTED'; there are: "),
    ],
)
async def test_a_point_that_there_is_not_is_said_with_those_there_are(
    engine: Engine, place: str, code: int, why: str
):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    await until_running(engine, "look")
    said = await resumed(engine, handle.id, "--from", place, "--yes")
    nobody = await resumed(engine, "no-such-run", "--from", "look", "--yes")
    unasked = await resumed(engine, handle.id, "--from", "look")
    await handle.cancel()

    assert said.returncode == code
    assert why in said.stderr
    assert nobody.returncode == 2
    assert (unasked.returncode, "add --yes" in unasked.stderr) == (2, True)
    assert "there is no run 'no-such-run'" in nobody.stderr


async def test_what_went_on_while_it_was_asked_about_is_not_taken_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(pipeline(stage("look")))
    await until_running(engine, "look")

    async def ended(_question: object) -> bool:
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        return True

    monkeypatch.setattr(repeat, "at_terminal", lambda: True)
    monkeypatch.setattr(repeat, "confirmed", ended)
    env = {"TEMPORAL_ADDRESS": engine.settings.temporal}

    with pytest.raises(RefusalError, match="went on meanwhile, and nothing was done: try again"):
        await repeat._run(handle.id, "look/EXECUTE", env, is_sure=False)  # in this loop
    assert "back to event" in capsys.readouterr().out


async def test_a_workflow_that_is_no_pipeline_has_no_points_and_says_so(engine: Engine):
    swept = await engine.start_type("Reconcile", {"since": 1})  # takes no input
    await failure_of(swept)

    said = await resumed(engine, swept.id, "--from", "look", "--yes")

    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert len(said.stderr.splitlines()) == 1
