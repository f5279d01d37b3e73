"""``mandate promote``: ask for an agent to be raised by one tier."""

from __future__ import annotations

from pathlib import Path

from activities.contracts.trust_specs import PROMOTE, PROMOTION_WORKFLOW
from dsl.core import Tier
from dsl.rules.run.reserved import promotion_id
from mandate.people.changes import Change, ask
from mandate.people.door import enter
from mandate.people.errors import UsageError, refuse_agent


def run(agent: str, to: str, *, wait: bool, as_json: bool, data_dir: Path | None) -> int:
    """Ask, and print the refusal or what waits; return the exit code."""
    return enter(PROMOTE, _run(agent, to, wait=wait, as_json=as_json, data_dir=data_dir))


async def _run(agent: str, to: str, *, wait: bool, as_json: bool, data_dir: Path | None) -> int:
    refuse_agent(agent)
    change = Change(
        kind=PROMOTE,
        workflow=PROMOTION_WORKFLOW,
        id=promotion_id(agent),
        agent=agent,
        input={"agent": agent, "to": read_tier(to)},
        wait=wait,
        as_json=as_json,
    )
    return await ask(change, data_dir)


def read_tier(word: str) -> str:
    """Return the name of the tier that was typed: ``2``, ``t2`` and ``T2`` are one.

    Raises:
        UsageError: there is no such tier.
    """
    name = word.upper() if word[:1] in ("T", "t") else f"T{word}"
    if name not in Tier.__members__:
        raise UsageError("--to: expected a tier from T0 to T4, got {!r}", word[:20])
    return name
