"""What becomes of a run whose agent is revoked: it ends, skips the stage, or has another agent."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine, fail, failure_of, gate, hang, pipeline, stage
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.standing import agent_of, entity_of, told

REASON = "it deletes what it should read"


async def stop(engine: Engine, handle: Any, path: str = "look") -> None:
    """Wait until the agent is at work, and tell its workflow to stop."""
    await engine.runner.until_running(path)
    child = engine.client.get_workflow_handle(f"{handle.id}/{path}")
    await child.signal("revoke", {"reason": REASON, "epoch": 1})


def two(on_revoked: str) -> dict[str, Any]:
    config = {"on_revoked": on_revoked}
    return pipeline(stage("look", config=config), stage("after", requires=["look"]))


async def test_fail_ends_the_run(engine: Engine):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(two("fail"))
    await stop(engine, handle)
    failure = await failure_of(handle)
    stages = failure.details[0]["stages"]

    assert failure.type == "Revoked"
    assert failure.message == f"stage 'look' revoked: stopped: {REASON}"
    assert (stages["look"]["status"], stages["after"]["status"]) == ("revoked", "skipped")


async def test_skip_lets_what_requires_the_stage_go_on_with_nothing_of_it(engine: Engine):
    given: list[str] = []

    async def look_around(request: Request) -> dict[str, Any]:
        given.extend(request.prior)
        return {}

    engine.runner.behaviours.update(look=hang, after=look_around)
    handle = await engine.start(two("skip"))
    await stop(engine, handle)
    report = await handle.result()
    look = report["stages"]["look"]
    [skipped] = told(engine, handle, "stage.skipped")

    assert (look["status"], report["stages"]["after"]["status"]) == ("skipped", "completed")
    assert look["detail"] == f"its agent was revoked: stopped: {REASON}"
    assert look["outputs"] == []
    assert [name for name in given if name.startswith("look/")] == []
    assert skipped.payload == {"path": "look", "because": f"stopped: {REASON}"}


async def test_a_skipped_stage_opens_a_gate_with_nothing_to_approve(engine: Engine):
    engine.runner.behaviours["look"] = hang
    document = pipeline(
        stage("look", config={"on_revoked": "skip"}), gate("review", requires=["look"])
    )
    handle = await engine.start(document)
    await stop(engine, handle)
    await engine.pending(handle, "review")
    [row] = await handle.query("gates")
    await handle.signal("vote", {"gate": "review", "decision": "approve", "voter": "ann"})

    assert row["subject"] == {}
    assert (await handle.result())["status"] == "completed"


async def test_replace_runs_the_stage_anew_as_another_agent(engine: Engine, openbao: OpenBao):
    tries = []

    async def hang_once(request: Request) -> dict[str, Any]:
        tries.append(request.attempt)
        return await hang(request) if len(tries) == 1 else {"by": "other"}

    engine.runner.behaviours["look"] = hang_once
    handle = await engine.start(two("replace: other"))
    await engine.runner.until_running("look")
    first = await agent_of(engine, handle)
    await stop(engine, handle)
    report = await handle.result()
    second = await agent_of(engine, handle)
    look = report["stages"]["look"]
    [replaced] = told(engine, handle, "stage.replaced")

    assert (first.endswith(".look"), second.endswith(".other")) == (True, True)
    assert look["output"] == {"by": "other"}
    assert look["detail"] == f"{second} in place of {first}, which was revoked"
    assert replaced.payload.items() >= {("path", "look"), ("was", first), ("now", second)}
    # It was made known before anything ran, as every agent is.
    assert [e.agent for e in told(engine, handle, "agent.registered")].count(second) == 1
    assert entity_of(openbao, second)["metadata"]["template"] == "default"


async def test_a_replacement_that_is_revoked_too_ends_the_run(engine: Engine):
    engine.runner.behaviours["look"] = hang
    handle = await engine.start(two("replace: other"))
    await stop(engine, handle)
    await engine.until(handle, lambda s: "in place of" in s["stages"]["look"]["detail"])
    await stop(engine, handle)
    failure = await failure_of(handle)

    assert failure.type == "Revoked"
    assert failure.details[0]["stages"]["look"]["status"] == "revoked"


@pytest.mark.parametrize("on_revoked", ["skip", "replace: other"])
async def test_an_agent_that_fails_is_not_taken_for_a_revoked_one(engine: Engine, on_revoked: str):
    engine.runner.behaviours["look"] = fail
    handle = await engine.start(two(on_revoked))
    failure = await failure_of(handle)

    assert failure.type == "StageFailed"
    assert failure.details[0]["stages"]["look"]["status"] == "failed"
