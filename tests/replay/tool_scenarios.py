"""Scenarios of agents that call tools: alone, asked about, rejected, lost, and a stage stopped."""

from __future__ import annotations

import json
from typing import Any, Final

from mandate.work.operate.demo_tools import PERSON, STAGE, pipeline
from tests.replay.studio import Handle, Studio, ended


async def _refunds(studio: Studio, name: str) -> Handle:
    stages: list[dict[str, Any]] = pipeline()["stages"]
    return await studio.start(name, *stages)


async def called(studio: Studio, name: str) -> Handle:
    """One call goes through alone, one is approved, one rejected, one lost, one had before."""
    run = await _refunds(studio, name)
    await studio.vote(run, f"{STAGE}/call-1", "approve", PERSON)
    await studio.vote(run, f"{STAGE}/call-2", "reject", PERSON)
    gate = f"{STAGE}/outcome-1"
    await studio.until_open(run, gate)
    vote = {"gate": gate, "decision": "approve", "voter": PERSON, "answer": "happened"}
    await run.execute_update("vote", vote)
    return run


async def denied_at_once(studio: Studio, name: str) -> Handle:
    """What people reject, and what was had before, is on the ledger without another effect."""
    run = await _refunds(studio, name)
    for number in (1, 2):
        await studio.vote(run, f"{STAGE}/call-{number}", "reject", PERSON)
    gate = f"{STAGE}/outcome-1"
    await studio.until_open(run, gate)
    vote = {"gate": gate, "decision": "approve", "voter": PERSON, "answer": "happened"}
    await run.execute_update("vote", vote)
    return run


async def stopped_while_a_call_waits(studio: Studio, name: str) -> Handle:
    """An agent is stopped while people think about a call, and its gate is closed."""
    run = await _refunds(studio, name)
    await studio.until_open(run, f"{STAGE}/call-1")
    await run.execute_update("revoke", {"stage": STAGE, "reason": "it asks for too much"})
    await ended(run)
    return run


async def called_where_the_ledger_is_asked_first(studio: Studio, name: str) -> Handle:
    """As ``called``, and nobody is asked before the ledger is, whose an effect is."""
    return await called(studio, name)


async def denied_as_its_stage_ends(studio: Studio, name: str) -> Handle:
    """An agent breaks off right after its second denial, which rests behind the first."""
    stages: list[dict[str, Any]] = pipeline()["stages"]
    too_much = {"payment": "p-9", "amount": 20_000, "why": "nobody pays that"}
    stages[0]["config"]["inputs"]["orders"] = json.dumps([too_much, too_much, {}])
    run = await studio.start(name, *stages)
    await ended(run)
    return run


async def called_beside_the_ledger(studio: Studio, name: str) -> Handle:
    """As ``called``, by a worker that writes the ledger too: intents go with their calls."""
    return await called(studio, name)


# What is recorded where one process makes calls and writes the ledger.
BESIDE_THE_LEDGER: Final = (called_beside_the_ledger,)

SCENARIOS: Final = (
    called,
    called_beside_the_ledger,
    called_where_the_ledger_is_asked_first,
    denied_as_its_stage_ends,
    denied_at_once,
    stopped_while_a_call_waits,
)
