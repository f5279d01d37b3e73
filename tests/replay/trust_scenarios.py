"""What is recorded of promotion and reinstatement: their runs are named after the agent.

Each begins as if the stack were new, so an agent may not take part in two of them.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from activities.trust_contracts import PROMOTION_WORKFLOW, REINSTATEMENT_WORKFLOW
from dsl.compiler import compile_text
from dsl.rules.proof import PLAN
from tests.fixtures.engine import stage
from tests.fixtures.past import compiled_of
from tests.fixtures.trust import GATE
from tests.fixtures.voting import seal
from tests.replay.studio import Handle, Studio, ended

RUNS: Final = {
    "raised": "promotion/raised.look",
    "not_raised": "promotion/nobody",
    "raise_rejected": "promotion/raise-rejected.look",
    "raise_cancelled": "promotion/raise-cancelled.look",
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
