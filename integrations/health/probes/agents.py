"""Agents at work: whose beats fail to come, who works for a run that is over, and processes left.

1. Every agent is counted where the beats are; of those that beat a few are asked after, other ones
   each time: whether a run is over costs the engine a question.
2. Processes are those of this machine and this user. A process whose worker is gone ends by itself
   within two seconds: one that is seen twice has outlived that.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from dsl.rules.health.beats import is_orphan
from integrations.agents.processes.roster import Roster, Running
from integrations.errors import UnavailableError
from integrations.health.beats import Beats
from integrations.health.probes.engine import Engine
from integrations.health.probes.sighting import (
    LIMIT_S,
    Figure,
    HealthProbe,
    Sighting,
    poor,
    well,
)

AGENTS: Final = "agents"
PROCESSES: Final = "processes"
_ASKED_MAX: Final = 5
_LEFT_S: Final = 3.0  # longer than a keeper gives an agent to end
_NAMED_MAX: Final = 3
AGENTS_EVERY_S: Final = 5.0


def agents_probe(beats: Beats, engine: Engine | None = None) -> HealthProbe:
    """Look at the beats of all agents; with an ``engine`` also for orphans among them."""

    async def look() -> Sighting:
        found = await beats.read(LIMIT_S)
        orphans = await _orphans(beats, engine) if engine is not None else []
        figures = (
            Figure("mandate_agents", found.alive, "alive"),
            Figure("mandate_agents", found.suspect, "suspect"),
            Figure("mandate_agents", found.dead, "dead"),
            Figure("mandate_orphaned_leases", len(orphans)),
        )
        if orphans:
            return poor(
                f"{_named(orphans)}: at work, and its run is over",
                "stop the agent: mandate revoke AGENT --reason TEXT",
                *figures,
            )
        if found.dead:
            return poor(
                f"{found.dead} fell silent without giving its lease back: {_named(found.silent)}",
                "its stage is tried again by itself; see whether its worker runs",
                *figures,
            )
        return well(f"{found.alive + found.suspect} at work", *figures)

    return HealthProbe(AGENTS, look, every_s=AGENTS_EVERY_S, limit_s=3 * LIMIT_S)


async def _orphans(beats: Beats, engine: Engine) -> list[str]:
    found = []
    with suppress(UnavailableError):  # beats are counted all the same
        for holder, owner in await beats.owners(_ASKED_MAX, LIMIT_S):
            workflow, _, run = owner.rpartition("/")
            if is_orphan(await engine.over_for_ms(workflow, run)):
                found.append(holder)
    return found


def processes_probe(roster: Roster, *, left_s: float = _LEFT_S) -> HealthProbe:
    """Look for agents' processes on this machine whose worker is gone."""

    async def look() -> Sighting:
        left = await asyncio.to_thread(roster.orphans)
        if left:
            await asyncio.sleep(left_s)
            before = set(left)
            left = [each for each in await asyncio.to_thread(roster.orphans) if each in before]
        figure = Figure("mandate_orphaned_processes", len(left))
        if left:
            return poor(
                f"{_of(left)}: alive, and the worker is gone", "end them: kill -KILL PID", figure
            )
        return well("none is left of a worker that is gone", figure)

    return HealthProbe(PROCESSES, look, limit_s=left_s + LIMIT_S)


def _of(left: list[Running]) -> str:
    return _named([f"{each.agent} (pid {each.keeper})" for each in left])


def _named(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return ", ".join(names[:_NAMED_MAX]) + more
