"""What happens in a run that is judged: started, answered, and left to end."""

from __future__ import annotations

from typing import Any

from temporalio.client import WorkflowHandle

from tests.fixtures.chaos.stand import Stand
from tests.fixtures.engine import after_look, fail, gate, hang, pipeline, stage
from tests.fixtures.revoking import revoke
from tests.fixtures.trust.standing import agent_of
from tests.fixtures.voting import honest_vote

PUBLISH = stage("publish", requires=["review"])
VOTE = {"gate": "review", "decision": "approve", "voter": "ann"}
ERRORS = 3
BUDGET = {"errors": ERRORS, "window": "10m"}
Run = WorkflowHandle[Any, Any]


async def at_a_gate(stand: Stand, **fields: Any) -> Run:
    """Start a run and wait until its gate is open."""
    run = await stand.start(after_look(gate("review", **fields), PUBLISH))
    await stand.engine.pending(run, "review")
    return run


async def approved(stand: Stand) -> Run:
    run = await at_a_gate(stand)
    await run.signal("vote", VOTE)
    return run


async def proven(stand: Stand) -> Run:
    run = await at_a_gate(stand, identity=["verified"])
    await run.signal("vote", VOTE)  # a claim, which counts nothing
    await run.execute_update("vote", await honest_vote(run, "review", stand.ann))
    return run


async def rejected(stand: Stand) -> Run:
    run = await at_a_gate(stand)
    await run.signal("vote", {**VOTE, "decision": "reject"})
    return run


async def timed_out(stand: Stand) -> Run:
    return await stand.start(after_look(gate("review", timeout="1s"), PUBLISH))


async def alone(stand: Stand) -> Run:
    return await stand.start(pipeline(stage("look")))


async def cancelled(stand: Stand) -> Run:
    stand.engine.runner.behaviours["look"] = hang
    run = await alone(stand)
    await stand.engine.runner.until_running("look")
    await run.cancel()
    return run


async def failed(stand: Stand) -> Run:
    stand.engine.runner.behaviours["look"] = fail
    return await stand.start(pipeline(stage("look", config={"retry": 1})))


async def revoked(stand: Stand) -> Run:
    stand.engine.runner.behaviours["look"] = hang
    run = await stand.start(pipeline(stage("look", config={"tier": 2})))
    await stand.engine.runner.until_running("look")
    await revoke(stand.engine, await agent_of(stand.engine, run), stand.ann)
    return run


async def overspent(stand: Stand) -> Run:
    async def errs(request: Any) -> dict[str, Any]:
        stand.engine.runner.err(request, ERRORS)
        return {}

    stand.engine.runner.behaviours["look"] = errs
    return await stand.start(pipeline(stage("look", config={"error_budget": BUDGET})))


async def in_branches(stand: Stand) -> Run:
    branches = [
        {"name": "a", "stages": [gate("sign"), stage("run", requires=["sign"])]},
        {"name": "b", "stages": [stage("other")]},
    ]
    both = {"name": "both", "type": "parallel", "requires": ["look"], "branches": branches}
    run = await stand.start(pipeline(stage("look"), both, stage("last", requires=["both"])))
    await stand.engine.pending(run, "both/a/sign")
    await run.signal("vote", {**VOTE, "gate": "sign"})
    return run
