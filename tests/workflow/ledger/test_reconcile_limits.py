"""What a comparison of histories with the ledger leaves out, it says; it ends for no other run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client

from activities.contracts import attestation_specs as contract
from activities.ledger import comparing, reconcile
from activities.ledger.comparing import compare
from activities.runtime.endings import state_of
from dsl.rules.run.sweeping import RunState
from integrations.errors import UnavailableError
from tests.fixtures.engine import Engine, failure_of, pipeline, stage
from tests.unit.mandate.programs import ROOT, mandate
from tests.workflow.ledger.test_reconcile import (
    SEEN_S,
    at_work,
    forge,
    reconciled,
    resuming,
    typed,
)


@pytest_asyncio.fixture
async def two_in_dispute(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return two runs in dispute that have ended one after the other; nothing else is looked at."""
    handles = []
    for _ in range(2):
        handle = await at_work(engine)
        await forge(engine, f"{handle.id}/look", "mallory@elsewhere", {})
        await handle.result()
        engine.runner.running.clear()
        handles.append(handle)
    names = ", ".join(f"'{each.id}'" for each in handles)
    monkeypatch.setattr(reconcile, "GRACE_S", 0)
    monkeypatch.setattr(reconcile, "ENDED", f"WorkflowId IN ({names})")
    async with asyncio.timeout(SEEN_S):
        while len(await listed(engine, reconcile.ENDED)) < 2:  # noqa: ASYNC110  # until both are listed
            await asyncio.sleep(0.2)
    return handles


async def listed(engine: Engine, query: str) -> list[Any]:
    rows = [each async for each in engine.client.list_workflows(query)]
    return [each for each in rows if each.close_time is not None]


async def look_once(engine: Engine) -> dict[str, Any]:
    found: dict[str, Any] = await (await engine.start_type("Reconcile")).result()
    return found


async def ended_ms(handle: Any) -> int:
    return int((await handle.describe()).close_time.timestamp() * 1_000)


async def test_what_one_look_cannot_tell_the_next_one_begins_with(
    engine: Engine, two_in_dispute: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_in_dispute
    monkeypatch.setattr(contract, "DISPUTED_MAX", 1)

    found = await look_once(engine)

    assert [each["workflow"] for each in found["disputed"]] == [first.id]
    assert found["compared"] == 1
    assert await ended_ms(first) <= found["until_ms"] < await ended_ms(second)


async def test_a_look_during_which_somebody_goes_away_keeps_what_it_has_found(
    engine: Engine, two_in_dispute: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_in_dispute

    async def away(client: Client, ledger: Path, artifacts: Any, workflow: str, run: str) -> Any:
        if workflow == second.id:
            raise UnavailableError("temporal is away")
        return await compare(client, ledger, artifacts, workflow, run)

    monkeypatch.setattr(reconcile, "compare", away)

    found = await look_once(engine)

    assert [each["workflow"] for each in found["disputed"]] == [first.id]
    assert found["until_ms"] < await ended_ms(second)


async def forget(engine: Engine, workflow: str) -> None:
    """Have the server keep nothing of a workflow any more."""
    gone = DeleteWorkflowExecutionRequest(
        namespace=engine.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow),
    )
    await engine.client.workflow_service.delete_workflow_execution(gone)
    async with asyncio.timeout(SEEN_S):
        while await state_of(engine.client, workflow, None) is not RunState.UNKNOWN:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_so_many_runs_are_compared_as_are_asked_for_whoever_knows_them(
    engine: Engine,
) -> None:
    known = await engine.start(pipeline(stage("look")))
    await known.result()
    refused = [await engine.start_type("Pipeline", {}) for _ in range(2)]  # on no ledger
    for each in refused:
        await failure_of(each)
    names = ", ".join(f"'{each.id}'" for each in (known, *refused))
    ended = f"WorkflowId IN ({names}) AND ExecutionStatus != 'Running'"  # a list is behind
    async with asyncio.timeout(SEEN_S):
        while len(await listed(engine, ended)) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.2)

    two = (await asyncio.to_thread(typed, engine, "--last", "2", "--json")).stdout
    more = (await asyncio.to_thread(typed, engine, "--last", "20", "--json")).stdout

    assert len(two.splitlines()) == 2
    seen = {json.loads(line)["run"] for line in more.splitlines()}
    assert {each.id for each in refused} <= seen  # what others left running may end meanwhile
    assert known.id in seen


async def test_a_stage_whose_history_is_gone_leaves_that_of_its_run_to_compare_and_to_resume(
    engine: Engine, tmp_path: Path
) -> None:
    document = pipeline(stage("look"), stage("kept"))
    handle = await engine.start(document)
    await handle.result()
    look = f"{handle.id}/look"
    await forget(engine, look)

    [found] = await reconciled(engine, handle.id, code=0)
    said = await asyncio.to_thread(typed, engine, handle.id)
    resumes = {"workflow": handle.id}
    resumed = (await (await resuming(engine, document, resumes)).result())["resumed"]
    await forget(engine, handle.id)
    forgotten = await compare(engine.client, engine.settings.ledger, None, handle.id)
    refused = await failure_of(await resuming(engine, document, resumes))
    file, name = tmp_path / "my.yaml", f"{handle.id}-never"
    file.write_text(json.dumps(document))
    words = ("run", str(file), "--id", name, "--resume-from")
    env = {"TEMPORAL_ADDRESS": engine.settings.temporal}
    unknown = await asyncio.to_thread(mandate, *words, handle.id, cwd=ROOT, env=env)
    unnamed = await asyncio.to_thread(mandate, *words, "", cwd=ROOT, env=env)

    assert (found["not_compared"], found["disagreements"]) == ("", [])
    assert [each.partition(",")[0] for each in found["missing"]] == [look]
    assert f"not compared: {look}, run " in said.stdout
    stages = resumed["stages"]
    assert (stages["kept"]["reused"], stages["look"]["reused"]) == (True, False)
    assert "its history was not compared with the ledger" in stages["look"]["why"]
    assert resumed["untold"].startswith(f"{look}, run ")
    assert forgotten.entries >= 2  # by its name alone: of its newest run, as where it is known
    assert f"past its retention; {forgotten.entries} entries of it stand" in forgotten.untold
    assert "what it did cannot be known: temporal does not keep its history" in refused.message
    assert (unknown.returncode, unknown.stdout) == (unnamed.returncode, unnamed.stdout) == (2, "")
    assert f"there is no run '{handle.id}'" in unknown.stderr
    assert await state_of(engine.client, name, None) is RunState.UNKNOWN  # nothing was started
    engine.started.remove(handle)  # what is gone does not replay


async def test_what_is_too_large_or_not_understood_is_said_and_ends_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()

    async def compared(artifacts: Any = None) -> comparing.Comparison:
        return await compare(engine.client, engine.settings.ledger, artifacts, handle.id)

    class Away:
        def get(self, _digest: str) -> bytes:
            raise UnavailableError("the store is away")

    without = await compared(Away())
    with monkeypatch.context() as patch:
        patch.setattr(comparing, "BYTES_MAX", 100)
        large = await compared()
    monkeypatch.setattr(comparing, "disagreements", lambda *_: 1 // 0)
    odd = await compared()

    assert (without.untold, without.disagreements) == ("", ())
    assert large.untold == "its histories have more than 100 bytes"
    assert [each.expected for each in odd.disagreements] == ["a history that can be read"]
