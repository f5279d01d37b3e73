"""Scenarios of agents that are stopped or do what they must not, and of going on after that."""

from __future__ import annotations

from typing import Any

from tests.fixtures.engine import gate, stage
from tests.replay.studio import Handle, Studio, ended
from workflows.ledger.reuse import RESUME_MEMO

WHY = "it looks where it should not"


def _slow(folder: Any, **config: Any) -> dict[str, Any]:
    return stage("look", config={"inputs": {"path": folder.name}, **config})


async def over_reaching(studio: Studio, name: str) -> Handle:
    """An agent declares a secret that its tier does not open, and is lowered."""
    config = {"tier": 2, "retry": 1, "secrets": {"KEY": "kv-prod/db#key"}}
    return await studio.start(name, stage("look", config=config))


async def exhausted(studio: Studio, name: str) -> Handle:
    """An agent uses up all tries for the third time in a row, and is lowered."""
    config = {"inputs": {"path": "code", "fail_on": "low"}}
    review = stage("review", template="code-review", config=config)
    definition = {"name": name, "version": "1", "stages": [review]}
    for earlier in ("first", "second"):
        run = await studio.start_type(f"{name}-{earlier}", "Pipeline", {"definition": definition})
        await ended(run)
    return await studio.start_type(name, "Pipeline", {"definition": definition})


async def stopped(studio: Studio, name: str) -> Handle:
    """A run is told to stop its agent, once in vain and once by name."""
    async with studio.slow_folder(name) as folder:
        run = await studio.start(name, _slow(folder), gate("beside"))
        await studio.until_executing(run, "look")
        await run.signal("revoke", {"stage": "nowhere", "reason": WHY})
        await run.execute_update("revoke", {"stage": "look", "reason": WHY})
        await ended(run)
    return run


async def skipped(studio: Studio, name: str) -> Handle:
    """An agent is stopped by its own workflow's signal; the run goes on without it."""
    async with studio.slow_folder(name) as folder:
        after = stage("after", requires=["look"], config={"inputs": {"path": "code"}})
        run = await studio.start(name, _slow(folder, on_revoked="skip"), after)
        await studio.until_executing(run, "look")
        child = studio.client.get_workflow_handle(f"{name}/look")
        await child.signal("revoke", {"reason": ""})
        await child.signal("stop", {})
        await child.signal("revoke", {"reason": WHY, "epoch": 1})
        await ended(run)
    return run


async def replaced(studio: Studio, name: str) -> Handle:
    """An agent is stopped and another takes over."""
    async with studio.slow_folder(name) as folder:
        run = await studio.start(name, _slow(folder, on_revoked="replace: other"))
        await studio.until_executing(run, "look")
        await run.signal("revoke", {"agent": f"{name}.look", "reason": WHY})
        await studio.until_said(run, "look", "in place of")
        folder.empty()
        await ended(run)
    return run


async def resumed(studio: Studio, name: str) -> Handle:
    """A run takes from an earlier one what has not changed, and asks its gate anew."""
    before = [stage("look"), gate("ok", requires=["look"])]
    go, was = (stage("go", requires=["ok"], config={"retry": each}) for each in (1, 2))
    earlier = await studio.start(name, *before, was)
    await studio.vote(earlier, "ok", "reject")
    await ended(earlier)
    document = {"name": name, "version": "1", "stages": [*before, go]}
    resumes = {RESUME_MEMO: {"workflow": name, "run": earlier.result_run_id}}
    run = await studio.start_type(name, "Pipeline", {"definition": document}, resumes)
    await studio.vote(run, "ok", "approve")
    return run


async def cancelled_after_a_reset(studio: Studio, name: str) -> Handle:
    """A run is reset beside an agent at work, and cancelled: the agent is reached by its id."""
    async with studio.slow_folder(name) as folder:
        run = await studio.start(name, _slow(folder))
        await studio.until_executing(run, "look")
        again = await studio.reset_here(run)
        await again.cancel()
        await ended(again)
    return again
