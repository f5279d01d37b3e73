"""Scenarios of circuits: a stage that waits for one, and what a person orders of it."""

from __future__ import annotations

from typing import Any, Final

from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
from dsl.rules.run.reserved import circuit_id
from dsl.values.circuit_names import ARTIFACTS, VAULT
from tests.fixtures.engine import stage
from tests.replay.studio import Handle, Studio, ended

RUNS: Final = {
    "ordered_open": circuit_id(VAULT, "ordered-open"),
    "ordered_by_a_claim": circuit_id(VAULT, "ordered-by-a-claim"),
}
WHY = "it is being moved"


async def held_back(studio: Studio, name: str) -> Handle:
    """A person holds the artefact store back: a stage waits, and goes on after the reset."""
    await _order(studio, circuit_id(ARTIFACTS, f"{name}-open"), "open")
    run = await studio.start(name, stage("look"))
    await studio.until_said(run, "look", "waits for circuit artifacts: forced open")
    await _order(studio, circuit_id(ARTIFACTS, f"{name}-reset"), "reset")
    await ended(run)
    return run


async def ordered_open(studio: Studio, name: str) -> Handle:
    """An order about a circuit without a proof, and then its end."""
    order = await _order(studio, name, "open", circuit=VAULT)
    await _order(studio, f"{name}-reset", "reset", circuit=VAULT)
    return order


async def ordered_by_a_claim(studio: Studio, name: str) -> Handle:
    """An order without a proof, before which it is looked whose order holds."""
    order = await _order(studio, name, "close", circuit=VAULT)
    await _order(studio, f"{name}-reset", "reset", circuit=VAULT)
    return order


async def _order(studio: Studio, name: str, what: str, circuit: str = ARTIFACTS) -> Handle:
    said: dict[str, Any] = {"circuit": circuit, "order": what, "reason": WHY, "by": "ann"}
    order = await studio.start_type(name, CIRCUIT_WORKFLOW, said)
    await ended(order)
    return order


SCENARIOS: Final = (held_back, ordered_open, ordered_by_a_claim)
