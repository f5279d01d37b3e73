"""``mandate reinstate``: ask for a revoked agent to come back, at T0."""

from __future__ import annotations

from pathlib import Path

from activities.contracts.trust_specs import REINSTATE, REINSTATEMENT_WORKFLOW
from dsl.rules.run.reserved import reinstatement_id
from mandate.people.changes import Change, ask
from mandate.people.door import enter
from mandate.people.errors import refuse_agent, refuse_reason


def run(agent: str, reason: str, *, wait: bool, as_json: bool, data_dir: Path | None) -> int:
    """Ask, and print the refusal or what waits; return the exit code."""
    return enter(REINSTATE, _run(agent, reason, wait=wait, as_json=as_json, data_dir=data_dir))


async def _run(agent: str, reason: str, *, wait: bool, as_json: bool, data_dir: Path | None) -> int:
    refuse_agent(agent)
    refuse_reason(reason)
    change = Change(
        kind=REINSTATE,
        workflow=REINSTATEMENT_WORKFLOW,
        id=reinstatement_id(agent),
        agent=agent,
        input={"agent": agent, "reason": reason},
        wait=wait,
        as_json=as_json,
    )
    return await ask(change, data_dir)
