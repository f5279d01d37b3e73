"""A new run takes from an earlier one what still agrees, says so, and believes nobody."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dsl.rules.gates.questions import Question
from mandate.people.errors import UsageError
from mandate.people.starting import resume_memo, told_before
from tests.fixtures.engine import Engine, failure_of, gate, pipeline, stage
from tests.fixtures.ledger.entries import told_by
from tests.fixtures.tools.shop import Shop
from tests.unit.mandate.programs import ROOT, mandate
from tests.workflow.ledger.test_reconcile import at_work, forge, reconciled, resuming
from workflows.ledger.reuse import ANSWERED_WITHIN


async def breaks(_request: Any) -> dict[str, Any]:
    raise RuntimeError("the old code")


def counted(engine: Engine) -> dict[str, int]:
    """Count, from now on, how often each stage is at work."""
    began = len(engine.runner.requests)

    class Counts(dict[str, int]):
        def __missing__(self, stage: str) -> int:
            return sum(each.stage == stage for each in engine.runner.requests[began:])

    return Counts()


async def waits_for(handle: Any, *activities: str) -> set[timedelta]:
    """Return how long the run waits, in all, for an answer of such activities."""
    asked = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
    ]
    mine = (each for each in asked if each.activity_type.name in activities)
    return {each.schedule_to_close_timeout.ToTimedelta() for each in mine}


def chain(*names: str, **fields: Any) -> list[dict[str, Any]]:
    return [
        stage(name, requires=[names[n - 1]] if n else [], **fields) for n, name in enumerate(names)
    ]


async def test_ten_stages_stopped_at_the_seventh_go_on_on_new_code_without_the_first_six(
    engine: Engine,
) -> None:
    names = [f"s{n}" for n in range(1, 11)]
    document = pipeline(*chain(*names))

    async def told(_request: Any) -> dict[str, Any]:
        return {"found": 3}

    engine.runner.behaviours["s1"] = told
    engine.runner.behaviours["s7"] = breaks
    old = await engine.start(document)
    await failure_of(old)
    del engine.runner.behaviours["s7"]  # the deploy
    again = counted(engine)

    new = await resuming(engine, document, {"workflow": old.id})
    report = await new.result()

    assert [again[name] for name in names] == [0] * 6 + [1] * 4
    assert report["stages"]["s1"]["output"] == {"found": 3}
    assert report["stages"]["s6"]["outputs"]
    reused = [name for name, row in report["resumed"]["stages"].items() if row["reused"]]
    assert reused == names[:6]
    assert report["resumed"]["stages"]["s7"]["why"] == "it was failed there"
    entries = [
        each for each in told_by(engine.settings.ledger, new.id) if each.workflow_id == new.id
    ]
    told_of = [each.payload for each in entries if each.action == "stage.reused"]
    assert [each["workflow"] for each in told_of] == [f"{old.id}/{name}" for name in names[:6]]
    assert await waits_for(new, "ledger.resume", "ledger.reuse") == {ANSWERED_WITHIN}
    [agreed] = await reconciled(engine, new.id, code=0)
    assert agreed["disagreements"] == []


async def test_a_run_that_was_refused_has_nothing_to_be_resumed(engine: Engine) -> None:
    document = pipeline(stage("look", template="no-such-template"))
    refused = await engine.start(document)
    await failure_of(refused)

    with pytest.raises(UsageError, match="was refused before a stage of it began"):
        await resume_memo(engine.client, refused.id, document["name"])


async def test_a_run_that_is_over_is_not_hidden_by_another_of_its_id(
    engine: Engine, tmp_path: Path
) -> None:
    document = pipeline(stage("look"))
    old = await engine.start(document)
    await old.result()
    file = tmp_path / "my.yaml"
    file.write_text(json.dumps(document))
    words = ("run", str(file), "--id", old.id)
    variables = {"TEMPORAL_ADDRESS": engine.settings.temporal}

    started = await asyncio.to_thread(mandate, *words, cwd=ROOT, env=variables)
    await engine.adopt(old.id).result()

    assert started.returncode == 0, started
    assert (
        f"there was a run {old.id!r} before, which is completed: commands show the new one; of the "
        f"old: temporal workflow show -w {old.id} --run-id {old.first_execution_run_id}\n"
    ) in started.stderr
    assert await told_before(engine.client, f"{old.id}-new") == ()


async def test_a_gate_in_the_way_is_asked_anew_and_the_command_line_says_what_was_reused(
    engine: Engine, tmp_path: Path
) -> None:
    asks = stage("asks", config={"questions": {"approvers": ["ann"]}})
    look, go = stage("look"), stage("go", requires=["ok"])
    document = pipeline(look, asks, gate("ok", requires=["look", "asks"]), go)
    vote = {"gate": "ok", "decision": "approve", "voter": "ann"}
    answer = {**vote, "gate": "asks/question-1", "answer": "eu"}

    async def asking(request: Any) -> dict[str, Any]:
        return {"in": await engine.runner.ask(request, Question(id="region", text="Where?"))}

    engine.runner.behaviours |= {"go": breaks, "asks": asking}
    old = await engine.start(document)
    await engine.pending(old, "asks/question-1")
    await old.execute_update("vote", answer)
    await engine.pending(old, "ok")
    await old.execute_update("vote", vote)
    await failure_of(old)
    del engine.runner.behaviours["go"]
    again = counted(engine)
    file = tmp_path / "my.yaml"
    file.write_text(json.dumps(document))
    words = ("run", str(file), "--id", f"{old.id}-new", "--resume-from", old.id)
    variables = {"TEMPORAL_ADDRESS": engine.settings.temporal}

    started = await asyncio.to_thread(mandate, *words, cwd=ROOT, env=variables)
    with pytest.raises(UsageError, match=r"/look' is a workflow of type 'Agent', and no run"):
        await resume_memo(engine.client, f"{old.id}/look", document["name"])
    with pytest.raises(UsageError, match=f"was a run of '{document['name']}', and this is one of"):
        await resume_memo(engine.client, old.id, "another")
    new = engine.adopt(f"{old.id}-new")
    await engine.pending(new, "asks/question-1")
    await new.execute_update("vote", answer)
    status = await engine.pending(new, "ok")
    await new.execute_update("vote", vote)
    await new.result()
    shown = await asyncio.to_thread(mandate, "show", new.id, cwd=ROOT, env=variables)

    assert started.returncode == 0, started
    assert [each["gate"] for each in status["approvals"]] == ["asks/question-1"]  # of this run
    assert (again["look"], again["asks"], again["go"]) == (0, 1, 1)
    assert "again    asks: it rests on people, who were asked at asks/question-1" in shown.stdout
    assert f"resumes  {old.id}, run " in shown.stdout
    assert "reused   look: entry " in shown.stdout
    assert "again    go: it was failed there" in shown.stdout


async def test_what_is_made_from_other_inputs_and_what_builds_on_it_is_made_again(
    engine: Engine,
) -> None:
    document = pipeline(
        stage("same"),
        stage("other", config={"inputs": {"path": "${{ inputs.where }}"}}),
        stage("after", requires=["other"]),
        inputs={"where": {"type": "string"}},
    )
    old = await engine.start(document, inputs={"where": "here"})
    await old.result()
    again = counted(engine)

    new = await resuming(engine, document, {"workflow": old.id}, {"where": "there"})
    told = (await new.result())["resumed"]["stages"]

    assert (again["same"], again["other"], again["after"]) == (0, 1, 1)
    assert told["other"]["why"] == "its inputs: not as it was"
    assert told["after"]["why"] == "what it builds on: not as it was"


async def test_nothing_is_taken_where_outputs_are_not_kept_any_more(engine: Engine) -> None:
    engine.runner.delivers["look"] = (name := f"{uuid.uuid4().hex}.txt",)
    document = pipeline(stage("look"))
    old = await engine.start(document)
    report = await old.result()
    [digest] = [o["digest"] for o in report["stages"]["look"]["outputs"] if o["name"] == name]
    word = digest.removeprefix("sha256:")
    (engine.settings.artifacts / word[:2] / word).unlink()

    new = await resuming(engine, document, {"workflow": old.id})

    # Its history says that it was put out, and the store disagrees.
    assert "nothing under" in (await failure_of(new)).message


async def test_nothing_is_taken_from_a_run_in_which_somebody_has_forged_an_answer(
    engine: Engine,
) -> None:
    forged = await at_work(engine)
    await forge(engine, f"{forged.id}/look", "mallory@elsewhere", {"output": {"files": 3}})
    name = (await forged.result())["pipeline"]

    refused = await failure_of(
        await resuming(engine, {**pipeline(stage("look")), "name": name}, {"workflow": forged.id})
    )

    assert refused.type == "InvalidPipeline"
    assert "disagree in 1 places" in refused.message
    assert "the answer of mallory@elsewhere" in refused.message


async def test_calls_that_people_approved_or_that_are_ruled_by_other_inputs_are_made_again(
    engine: Engine, tmp_path: Path
) -> None:
    shop = Shop(engine.settings.tools[0], tmp_path)
    await shop.open()
    asks = {"config": {"tier": 1, "tools": [shop.rule("approve", approve={"approvers": ["ann"]})]}}
    allows = {"config": {"tier": 1, "tools": [shop.rule("allow", when="inputs.most > 1")]}}
    document = pipeline(
        stage("asked", **asks),
        stage("allowed", **allows),
        stage("still", **allows | {"requires": ["allowed"]}),
        inputs={"most": {"type": "integer"}, "other": {"type": "string", "default": "a"}},
    )

    async def pays(request: Any) -> dict[str, Any]:
        await engine.runner.call(request, f"{shop.name}/refund", {"amount": 5})
        return {}

    async def until_over(handle: Any) -> Any:
        await engine.pending(handle, "asked/call-1")
        vote = {"gate": "asked/call-1", "decision": "approve", "voter": "ann"}
        await handle.execute_update("vote", vote)
        return (await handle.result()).get("resumed", {}).get("stages")

    engine.runner.behaviours |= {"asked": pays, "allowed": pays}
    old = await engine.start(document, inputs={"most": 10})
    await until_over(old)
    earlier = {"workflow": old.id}
    same = await until_over(await resuming(engine, document, earlier, {"most": 10, "other": "b"}))
    other = await until_over(await resuming(engine, document, earlier, {"most": 20}))

    people = "it rests on people, who were asked at asked/call-1, and no approval is carried over"
    assert [each["asked"]["why"] for each in (same, other)] == [people, people]
    assert (same["allowed"]["reused"], same["still"]["reused"]) == (
        True,
        True,
    )  # `other` is read by none
    assert other["allowed"]["why"] == "what its calls of tools are ruled by: not as it was"


@pytest.mark.parametrize(
    ("earlier", "why"),
    [
        ({"workflow": "t-of-nobody"}, "the ledger knows no t-of-nobody: name a run that was"),
        ({"workflow": "t-of-nobody", "run": str(uuid.UUID(int=1))}, "the ledger knows no run"),
        ("t-of-nobody", 'names no run: expected one such as {"workflow": "deploy-1"}'),
        ({"workflow": "x" * 1_001}, "names no run: expected one such as"),
    ],
    ids=["unknown", "unknown-run", "text", "long"],
)
async def test_a_run_that_is_none_is_resumed_by_nobody(
    engine: Engine, earlier: Any, why: str
) -> None:
    refused = await failure_of(await resuming(engine, pipeline(stage("look")), earlier))

    assert refused.type == "InvalidPipeline"
    assert why in refused.message


async def test_a_run_under_way_and_one_of_another_pipeline_are_resumed_by_nobody(
    engine: Engine,
) -> None:
    document = pipeline(stage("look"), gate("ok", requires=["look"]))
    old = await engine.start(document)
    await engine.pending(old, "ok")

    too_early = await failure_of(await resuming(engine, document, {"workflow": old.id}))
    await old.execute_update("vote", {"gate": "ok", "decision": "reject", "voter": "ann"})
    await failure_of(old)
    other = await failure_of(await resuming(engine, pipeline(stage("look")), {"workflow": old.id}))

    assert "is under way: wait for its end" in too_early.message
    assert "nothing of it can stand here" in other.message
