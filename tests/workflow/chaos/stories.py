"""What happens in a run that is judged: started, answered, and left to end."""

from __future__ import annotations

from typing import Any

from temporalio.client import WorkflowHandle

from tests.fixtures.chaos.stand import Stand
from tests.fixtures.engine import after_look, fail, gate, hang, pipeline, stage
from tests.fixtures.revoking import revoke
from tests.fixtures.tools.shop import Shop
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


async def calling(stand: Stand) -> Run:
    """An agent that pays a little alone, and more when somebody has approved it."""
    shop = await Shop.of(stand.engine.settings.tools[0], stand.shops)
    stand.reached[f"{shop.name}/refund"] = shop.paid_file

    async def pays(request: Any) -> dict[str, Any]:
        for amount in (5, 82, 83):
            await stand.engine.runner.call(request, f"{shop.name}/refund", {"amount": amount})
        return {}

    stand.engine.runner.behaviours["look"] = pays
    tools = [shop.rule("allow", when="args.amount < 10"), shop.asks("ann")]
    return await stand.start(pipeline(stage("look", config={"tier": 1, "tools": tools})))


async def asked_to_pay(stand: Stand) -> Run:
    run = await calling(stand)
    for number, decision in enumerate(("approve", "reject"), start=1):
        await stand.engine.pending(run, f"look/call-{number}")
        await run.signal("vote", {**VOTE, "gate": f"look/call-{number}", "decision": decision})
    return run


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
