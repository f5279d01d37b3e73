"""What is recorded for replay: runs that between them take every turn a workflow can take.

Real: the embedded stack with its workers, the sandboxed agents, the Temporal server. Each
scenario starts the run named after it and leaves it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import yaml

from dsl.compiler import compile_text
from dsl.rules.proofs.proof import PLAN
from integrations.agents.programs.catalogue import Programs
from tests.fixtures.engine import gate, stage
from tests.fixtures.voting import seal
from tests.replay import (
    circuit_scenarios,
    clarification_scenarios,
    delegation_scenarios,
    notify_scenarios,
    question_scenarios,
    review_scenarios,
    stop_scenarios,
    tool_scenarios,
    trust_scenarios,
)
from tests.replay.studio import Handle, Studio, ended

Scenario = Callable[[Studio, str], Awaitable[Handle]]


async def approved(studio: Studio, name: str) -> Handle:
    """The shipped code-review: an agent, a gate passed by signal, an agent."""
    run = await studio.start_type(name, "code-review", {"path": "code"})
    await studio.vote(run, "sign-off", "approve", "team-lead")
    return run


async def branches(studio: Studio, name: str) -> Handle:
    """The shipped infrastructure-deploy: gates, branches, a condition that holds."""
    run = await studio.start_type(name, "infrastructure-deploy", {"environment": "production"})
    await studio.vote(run, "review", "approve", "team-lead")
    await studio.vote(run, "route/confirm", "approve", "team-lead")
    return run


async def first_of_two(studio: Studio, name: str) -> Handle:
    """One branch is enough: the other, waiting at a gate, is cancelled; the condition fails."""
    race = {
        "name": "race",
        "type": "parallel",
        "config": {"join": "any"},
        "branches": [
            {"name": "quick", "stages": [stage("look")]},
            {"name": "slow", "stages": [gate("asked")]},
        ],
    }
    route = {
        "name": "route",
        "type": "condition",
        "requires": ["race"],
        "if": 'stages["race/quick/look"].output.files > 1000',
        "then": [stage("many")],
        "else": [stage("few")],
    }
    return await studio.start(name, race, route)


async def one_branch_fails(studio: Studio, name: str) -> Handle:
    """A branch whose gate is rejected does not stop the one beside it."""
    both = {
        "name": "both",
        "type": "parallel",
        "config": {"join": "all", "on_failure": "continue"},
        "branches": [
            {"name": "asked", "stages": [gate("sign-off"), stage("never", requires=["sign-off"])]},
            {"name": "free", "stages": [stage("look")]},
        ],
    }
    run = await studio.start(name, both)
    await studio.vote(run, "both/asked/sign-off", "reject")
    return run


async def rejected(studio: Studio, name: str) -> Handle:
    """A quorum of two; void, unreadable and unknown messages; then a rejection by update."""
    run = await studio.start(
        name,
        gate("review", approvers=["ann", "bob"], quorum=2),
        stage("after", requires=["review"]),
    )
    await studio.vote(run, "review", "approve", "mallory")
    await run.signal("vote", args=[{}, {}])
    await run.signal("aprove", {})
    await studio.vote(run, "review", "approve")
    vote = {"gate": "review", "decision": "reject", "voter": "bob", "reason": "no"}
    await run.execute_update("vote", vote)
    return run


async def unanswered(studio: Studio, name: str) -> Handle:
    """Nobody answers in time, nor does the one it is escalated to."""
    asked = gate(
        "review",
        timeout="1s",
        on_timeout="escalate",
        escalate_to={"approvers": ["eve"], "timeout": "1s"},
    )
    return await studio.start(name, asked, stage("after", requires=["review"]))


async def escalated(studio: Studio, name: str) -> Handle:
    """Nobody answers in time, the one it is escalated to approves."""
    target = {"approvers": ["eve"], "timeout": "1h"}
    asked = gate("review", timeout="1s", on_timeout="escalate", escalate_to=target)
    run = await studio.start(name, asked)
    await studio.until_open(run, "review", "eve")
    await studio.vote(run, "review", "approve", "eve")
    return run


async def fails_twice(studio: Studio, name: str) -> Handle:
    """An agent that says it failed is tried again, then the run ends; its sibling is cancelled."""
    config = {"retry": 1, "inputs": {"path": "code", "fail_on": "low"}}
    review = stage("review", template="code-review", config=config)
    return await studio.start(name, review, gate("beside"), stage("after", requires=["review"]))


async def stage_too_slow(studio: Studio, name: str) -> Handle:
    """An agent does not end in time."""
    async with studio.slow_folder(name) as folder:
        config = {"timeout": "2s", "inputs": {"path": folder.name}}
        run = await studio.start(name, stage("look", config=config))
        await ended(run)
    return run


async def run_too_slow(studio: Studio, name: str) -> Handle:
    """A run does not end in time: its agent is stopped."""
    async with studio.slow_folder(name) as folder:
        config = {"inputs": {"path": folder.name}}
        run = await studio.start(name, stage("look", config=config), timeout="3s")
        await ended(run)
    return run


async def cancelled(studio: Studio, name: str) -> Handle:
    """Somebody cancels while an agent is at work and a gate waits."""
    async with studio.slow_folder(name) as folder:
        config = {"inputs": {"path": folder.name}}
        run = await studio.start(name, stage("look", config=config), gate("beside"))
        await studio.until_executing(run, "look")
        await run.cancel()
        await ended(run)
    return run


async def agent_cancelled(studio: Studio, name: str) -> Handle:
    """Somebody cancels an agent's own workflow."""
    async with studio.slow_folder(name) as folder:
        config = {"inputs": {"path": folder.name}}
        run = await studio.start(name, stage("look", config=config))
        await studio.until_executing(run, "look")
        await studio.client.get_workflow_handle(f"{name}/look").cancel()
        await ended(run)
    return run


async def store_emptied(studio: Studio, name: str) -> Handle:
    """Dragonfly is emptied under an agent at work: the guard is seeded from the ledger."""
    async with studio.slow_folder(name) as folder:
        config = {"inputs": {"path": folder.name}}
        run = await studio.start(name, stage("look", config=config))
        await studio.until_executing(run, "look")
        await studio.empty_store()
        folder.empty()
        await ended(run)
    return run


async def repeated(studio: Studio, name: str) -> Handle:
    """A run is reset to a checkpoint: the vote applied again is void, a new one counts."""
    run = await studio.start(name, stage("look"), gate("review", requires=["look"]))
    await studio.vote(run, "review", "approve")
    await ended(run)
    again = await studio.reset(run, before="look")
    await studio.vote(again, "review", "approve")
    return again


async def refused(studio: Studio, name: str) -> Handle:
    """A document that is wrong in three ways."""
    return await studio.start(name, {"name": "Look", "type": "agnt"}, stage("b", requires=["c"]))


async def proven(studio: Studio, name: str) -> Handle:
    """Proven voters: a claim that is refused, a reminder, a count per group, a rejection."""
    groups = [{"name": "council", "quorum": 2}]
    config = {"approvers": [], "groups": groups, "quorum": 2, "identity": ["verified"]}
    review = gate("review", **config, remind_every="1s", requires=["look"])
    run = await studio.start(name, stage("look"), review)
    await studio.vote(run, "review", "approve")
    await asyncio.sleep(1.5)
    await studio.prove(run, "review", "approve", "cyd")
    await studio.prove(run, "review", "reject", "ann")
    return run


async def proven_beside_the_ledger(studio: Studio, name: str) -> Handle:
    """As ``proven``, by a worker that writes the ledger too: it is asked for what is recorded."""
    return await proven(studio, name)


def production(name: str) -> dict[str, Any]:
    """A stage of T3 behind a gate of proven voters."""
    config = {"tier": 3, "secrets": {"KEY": f"kv-prod/{name}#key"}}
    return {
        "name": name,
        "version": "1",
        "stages": [
            stage("look"),
            gate("review", approvers=["group:sre"], identity=["verified"], requires=["look"]),
            stage("act", requires=["review"], config=config),
        ],
    }


async def registered(studio: Studio, name: str) -> Handle:
    """Somebody vouches for a plan."""
    text = yaml.safe_dump(production("behind-a-lock"))
    compiled = compile_text(text, name)
    plan, who = compiled.plan, await studio.person("ann")
    about = {"plan": compiled.digest, "name": plan.name, "version": plan.version}
    proof = await who.word(seal(about, who.entity, purpose=PLAN))
    return await studio.start_type(name, "Registration", {"document": text, "proof": proof})


async def behind_a_lock(studio: Studio, name: str) -> Handle:
    """Vault is asked ahead for what a T3 stage reads; people say no, and it is taken back."""
    binding = {"pipeline": name, "template": "default", "program": Programs().digest("default")}
    await studio.raise_agent(f"{name}.act", binding)
    run = await studio.start_type(name, "Pipeline", {"definition": production(name)})
    await studio.until_asked(run, "review")
    await studio.prove(run, "review", "reject", "bob")
    return run


async def advised(studio: Studio, name: str) -> Handle:
    """Agents that say nothing of use at a gate: people decide."""
    config = {
        "approvers": [],
        "gate_type": "consensus",
        "members": [{"stage": "look"}],
        "escalate_to": {"approvers": ["ann"], "timeout": "1h"},
    }
    run = await studio.start(name, stage("look"), gate("review", requires=["look"], **config))
    await studio.vote(run, "review", "approve")
    return run


async def swept(studio: Studio, name: str) -> Handle:
    """A sweep finds what a run that is over has left behind."""
    over = await studio.start_type(f"{name}-before", "Sweep", {})
    await ended(over)
    await studio.leave_token(over)
    return await studio.client.start_workflow("Sweep", id=name, task_queue="mandate")


# What is recorded where one process runs workflows and writes the ledger.
BESIDE_THE_LEDGER: Final = (proven_beside_the_ledger, *tool_scenarios.BESIDE_THE_LEDGER)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    approved,
    branches,
    first_of_two,
    one_branch_fails,
    rejected,
    unanswered,
    escalated,
    fails_twice,
    stage_too_slow,
    run_too_slow,
    cancelled,
    agent_cancelled,
    store_emptied,
    repeated,
    refused,
    proven,
    proven_beside_the_ledger,
    registered,
    behind_a_lock,
    advised,
    swept,
    trust_scenarios.raised,
    trust_scenarios.not_raised,
    trust_scenarios.raise_rejected,
    trust_scenarios.raise_cancelled,
    trust_scenarios.rebound,
    trust_scenarios.not_rebound,
    trust_scenarios.back,
    *question_scenarios.SCENARIOS,
    *clarification_scenarios.SCENARIOS,
    *tool_scenarios.SCENARIOS,
    stop_scenarios.over_reaching,
    stop_scenarios.exhausted,
    stop_scenarios.stopped,
    stop_scenarios.skipped,
    stop_scenarios.replaced,
    stop_scenarios.resumed,
    stop_scenarios.cancelled_after_a_reset,
    trust_scenarios.revoked,
    trust_scenarios.not_revoked,
    delegation_scenarios.delegated,
    delegation_scenarios.delegated_in_vain,
    delegation_scenarios.delegated_and_stopped,
    *circuit_scenarios.SCENARIOS,
    *notify_scenarios.SCENARIOS,
    *review_scenarios.SCENARIOS,
)


def run_of(scenario: Scenario) -> str:
    """Return the workflow id of the run that a scenario leaves: its name, where any will do."""
    name = scenario.__name__
    known = {
        **trust_scenarios.RUNS,
        **circuit_scenarios.RUNS,
        **notify_scenarios.RUNS,
        **review_scenarios.RUNS,
    }
    return known.get(name, name.replace("_", "-"))
