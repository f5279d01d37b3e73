"""What is recorded of promotion, reinstatement and revocation: runs are named after the agent.

Each begins as if the stack were new, so an agent may not take part in two of them.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from activities.contracts.trust_specs import (
    PROMOTION_WORKFLOW,
    REBINDING_WORKFLOW,
    REINSTATEMENT_WORKFLOW,
    REVOCATION_WORKFLOW,
)
from dsl.compiler import compile_text
from dsl.rules.proofs.proof import PLAN, REBIND, REVOKE, reason_digest
from dsl.rules.trust.admission import agent_identity
from tests.fixtures.engine import stage
from tests.fixtures.trust.agents import GATE
from tests.fixtures.trust.past import compiled_of
from tests.fixtures.voting import seal
from tests.replay.studio import Handle, Studio, ended

_WATCHED: Final = {
    "name": "revoked",
    "version": "1",
    "stages": [stage("look", config={"inputs": {"path": "revoked"}})],
}
_STOPPED: Final = agent_identity(
    "revoked.look", compile_text(yaml.safe_dump(_WATCHED), "revoked").digest, registered=False
)
_BECAUSE: Final = "it looks where it must not"

RUNS: Final = {
    "raised": "promotion/raised.look",
    "not_raised": "promotion/nobody",
    "raise_rejected": "promotion/raise-rejected.look",
    "raise_cancelled": "promotion/raise-cancelled.look",
    "revoked": f"revocation/{_STOPPED}",
    "not_revoked": "revocation/nobody",
    "rebound": "rebinding/rebound.look",
    "not_rebound": "rebinding/nobody",
    "back": f"reinstatement/{compiled_of('back')[1].agent}",
}
WITH_A_PAST: Final = ("back",)


async def raised(studio: Studio, name: str) -> Handle:
    """Two people consent; votes without proof and unknown signals have no effect."""
    run = await _asked(studio, name)
    await run.signal("vote", {"gate": GATE, "decision": "approve", "voter": "ann"})
    await run.signal("hurry", {})
    for voter in ("ann", "bob"):
        await studio.prove(run, GATE, "approve", voter)
    return run


async def not_raised(studio: Studio, name: str) -> Handle:
    """Nobody knows the agent."""
    return await _promote(studio, name)


async def raise_rejected(studio: Studio, name: str) -> Handle:
    """Somebody says no."""
    run = await _asked(studio, name)
    await studio.prove(run, GATE, "reject", "bob")
    return run


async def raise_cancelled(studio: Studio, name: str) -> Handle:
    """Somebody cancels while people are asked."""
    run = await _asked(studio, name)
    await studio.prove(run, GATE, "approve", "ann")
    await run.cancel()
    return run


async def back(studio: Studio, name: str) -> Handle:
    """An agent that was revoked long ago comes back."""
    agent = name.partition("/")[2]
    await studio.disable(agent)
    value = {"agent": agent, "reason": "the key was replaced"}
    run = await studio.start_type(name, REINSTATEMENT_WORKFLOW, value)
    for voter in ("ann", "cyd"):
        await studio.prove(run, GATE, "approve", voter)
    return run


async def revoked(studio: Studio, name: str) -> Handle:
    """Somebody starts it without a word, a person gives hers: an agent at work is stopped."""
    async with studio.slow_folder("revoked"):
        run = await studio.start_type("revoked-run", "Pipeline", {"definition": _WATCHED})
        await studio.until_executing(run, "look")
        return await _revoke(studio, name)


async def not_revoked(studio: Studio, name: str) -> Handle:
    """Nobody knows the agent."""
    return await _revoke(studio, name)


async def rebound(studio: Studio, name: str) -> Handle:
    """A person vouches for another program of an agent that has worked."""
    document = {"name": "rebound", "version": "1", "stages": [stage("look")]}
    await _register(studio, "rebound", document)
    await ended(await studio.start_type("rebound-run", "Pipeline", {"definition": document}))
    return await _rebind(studio, name)


async def not_rebound(studio: Studio, name: str) -> Handle:
    """Nobody knows the agent."""
    return await _rebind(studio, name)


async def _rebind(studio: Studio, name: str) -> Handle:
    who = await studio.person("ann")
    bound = {"pipeline": "rebound", "template": "default", "program": "sha256:" + "f" * 64}
    order = {"agent": name.partition("/")[2], **bound}
    about = {**order, "reason": reason_digest(_BECAUSE)}
    proof = await who.word(seal(about, who.entity, purpose=REBIND))
    value = {**order, "reason": _BECAUSE, "proof": proof}
    run = await studio.start_type(name, REBINDING_WORKFLOW, value)
    await ended(run)
    return run


async def _revoke(studio: Studio, name: str) -> Handle:
    who = await studio.person("ann")
    order = {"agent": name.partition("/")[2], "reason": _BECAUSE}
    about = {"agent": order["agent"], "reason": reason_digest(_BECAUSE)}
    proof = await who.word(seal(about, who.entity, purpose=REVOKE))
    run = await studio.client.start_workflow(
        REVOCATION_WORKFLOW,
        order,
        id=name,
        task_queue="mandate",
        start_signal="revoke",
        start_signal_args=[{**order, "proof": proof}],
    )
    await ended(run)
    return run


async def _asked(studio: Studio, name: str) -> Handle:
    """Let the agent earn T3, and ask for it to be raised."""
    agent = name.partition("/")[2]
    pipeline, _, step = agent.partition(".")
    document = {"name": pipeline, "version": "1", "stages": [stage(step)]}
    await _register(studio, pipeline, document)
    for number in range(2):
        value = {"definition": document}
        await ended(await studio.start_type(f"{pipeline}-{number}", "Pipeline", value))
    run = await _promote(studio, name)
    await studio.until_open(run, GATE)
    return run


async def _promote(studio: Studio, name: str) -> Handle:
    value = {"agent": name.partition("/")[2], "to": "T3"}
    return await studio.start_type(name, PROMOTION_WORKFLOW, value)


async def _register(studio: Studio, name: str, document: dict[str, Any]) -> None:
    text = yaml.safe_dump(document)
    compiled = compile_text(text, name)
    who = await studio.person("ann")
    about = {"plan": compiled.digest, "name": compiled.plan.name, "version": "1"}
    proof = await who.word(seal(about, who.entity, purpose=PLAN))
    order = {"document": text, "proof": proof}
    await ended(await studio.start_type(f"{name}-registered", "Registration", order))
