"""Scenarios of agents that spend their budget: clarified by errors, people, agents; or hopeless."""

from __future__ import annotations

from typing import Any, Final

from tests.fixtures.engine import stage
from tests.replay.studio import Handle, Studio, ended

GATE = "work/clarify-1"


def _work(**config: Any) -> dict[str, Any]:
    budget = {"errors": 1, "window": "1h"}
    config = {"error_budget": budget, "clarifications": 1, "timeout": "1m", **config}
    return stage("work", template="errs", config=config)


async def clarified(studio: Studio, name: str) -> Handle:
    """An agent is clarified by what it has erred."""
    return await studio.start(name, _work())


async def clarified_by_people(studio: Studio, name: str) -> Handle:
    """An answer that widens is refused, and one that does not is what the agent is told."""
    clarifiers = {"approvers": ["ann"], "timeout": "1m"}
    run = await studio.start(name, _work(clarify="human", clarifiers=clarifiers))
    await studio.until_open(run, GATE)
    vote = {"gate": GATE, "decision": "approve", "voter": "ann"}
    await run.signal("vote", {**vote, "answer": '{"scope": ["tcp:22"]}'})
    await run.signal("vote", {**vote, "answer": "gently"})
    return run


async def clarified_by_a_council(studio: Studio, name: str) -> Handle:
    """A member that is no member says nothing that counts; people behind it answer."""
    escalate_to = {"approvers": ["ann"], "timeout": "1m"}
    clarifiers = {"members": [{"stage": "look"}], "escalate_to": escalate_to}
    work = {**_work(clarify="council", clarifiers=clarifiers), "requires": ["look"]}
    run = await studio.start(name, stage("look"), work)
    await studio.until_open(run, GATE)
    vote = {"gate": GATE, "decision": "approve", "voter": "ann", "answer": "gently"}
    await run.signal("vote", vote)
    return run


async def plan_exhausted(studio: Studio, name: str) -> Handle:
    """An agent that errs under its clarified plan as well is revoked."""
    config = {"on_exhausted": "revoke", "inputs": {"hopeless": True}}
    run = await studio.start(name, _work(**config))
    await ended(run)
    return run


SCENARIOS: Final = (clarified, clarified_by_people, clarified_by_a_council, plan_exhausted)
