"""What a gate shows of the outputs it approves: read by their digest, once in a run, bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle

from dsl.limits import GATES_DESCRIBED_MAX
from integrations.agents.contract.protocol import Request
from mandate.people.gates.rows import read_rows
from tests.fixtures.engine import Engine, after_look, gate, page_of, pipeline, stage


async def asked(engine: Engine, handle: WorkflowHandle[Any, Any], path: str) -> dict[str, Any]:
    """Wait until a gate shows a head; return its row."""
    await engine.pending(handle, path)
    async with asyncio.timeout(60):
        while True:
            (row,) = [r for r in await handle.query("gates") if r["gate"] == path]
            if any("head" in each for each in row["outputs"]):
                return dict(row)
            await asyncio.sleep(0.02)


async def reads(engine: Engine, handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the ids of the activities that have read heads."""
    return [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in await engine.events(handle)
        if event.activity_task_scheduled_event_attributes.activity_type.name == "gate.read"
    ]


async def test_a_gate_shows_what_its_outputs_say(engine: Engine):
    async def answers(_request: Any) -> dict[str, Any]:
        return {"verdict": "`**harmless**`"}

    engine.runner.behaviours["look"] = answers
    handle = await engine.start(after_look(gate("review")))
    row = await asked(engine, handle, "review")
    board = await page_of(handle)
    await handle.signal("vote", {"gate": "review", "decision": "approve", "voter": "ann"})
    await handle.result()

    told = {each["name"]: each for each in row["outputs"]}
    assert {name: each["digest"] for name, each in told.items()} == row["subject"]["look"]
    answer, report = row["outputs"][:2]
    assert (answer["name"], answer["head"]["state"]) == ("execute.json", "text")
    assert '"verdict":"`**harmless**`"' in answer["head"]["lines"][0]
    assert (report["name"], report["media_type"]) == ("report.md", "text/markdown")
    assert report["head"]["lines"][0].endswith(": look")
    assert report["head"]["size"] == report["size"]
    assert [n for n, each in told.items() if "head" in each] == ["execute.json", "report.md"]
    assert f"- approves: `look` `execute.json` (`application/json`, {answer['size']:,}" in board
    assert "harmless" in board
    assert "- and 5 more outputs\n" in board
    assert f"mandate artifact list \\\n  {handle.id}\n" in board


async def test_an_output_that_is_gone_is_said_to_be_before_anybody_signs(engine: Engine):
    async def loses(request: Request) -> dict[str, Any]:
        look = request.run.removesuffix("/last") + "/look"
        done = await engine.client.get_workflow_handle(look).result()
        digests = {each["name"]: each["digest"] for each in done["outputs"]}
        name = digests["report.md"].removeprefix("sha256:")
        await asyncio.to_thread((Path(engine.settings.artifacts) / name[:2] / name).unlink)
        return {}

    engine.runner.behaviours["last"] = loses
    last = {**stage("last"), "requires": ["look"]}
    review = gate("review", requires=["last"], approves=["look"])
    handle = await engine.start(pipeline(stage("look"), last, review))
    row = await asked(engine, handle, "review")
    states = {each["name"]: each["head"]["state"] for each in row["outputs"] if "head" in each}

    assert states == {"execute.json": "text", "report.md": "not in the artefact store"}
    assert "- it is not in the artefact store" in await page_of(handle)
    await handle.cancel()


async def test_what_one_gate_had_read_no_other_asks_for_again(engine: Engine):
    handle = await engine.start(after_look(*(gate(f"g{n}") for n in range(5))))
    for number in range(5):
        row = await asked(engine, handle, f"g{number}")
        assert [each["head"]["state"] for each in row["outputs"][:2]] == ["text", "text"]

    assert len(await reads(engine, handle)) == 1
    await handle.cancel()


async def test_of_many_gates_the_outputs_of_the_one_that_is_asked_for_are_told(engine: Engine):
    many = GATES_DESCRIBED_MAX + 1
    handle = await engine.start(after_look(*(gate(f"g{n}") for n in range(many))))
    await engine.until(handle, lambda status: len(status["waiting_for"]) == many)
    rows = await handle.query("gates")
    (one,) = await handle.query("gates", "g7")

    assert {len(row["subject"]["look"]) for row in rows} == {len(one["outputs"])}
    assert not any(row["outputs"] for row in rows)
    assert len(read_rows(rows)) == many
    await handle.cancel()
