"""Looking ahead before people are asked: nobody is asked for a run that cannot succeed.

1. The whole plan is looked at before its first stage begins, where it has a gate; and what waits
   for a gate once more before that gate opens: meanwhile an agent may have been lowered, a secret
   deleted, a tool removed.
2. One look at a time, and what was looked at a moment ago is not looked at again: many gates may
   open together. What one has found stands in the way of all.
3. It is a question, not an admission: each phase looks for itself when its time comes. While Vault
   is away nobody is asked, and the run shows what it waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from temporalio import workflow

from activities.contracts import feasibility_specs as ahead
from dsl.core import StageStatus
from dsl.plan import AgentStep, GateStep, Plan
from dsl.rules.run.feasibility import Followers, has_gate, possible
from dsl.shown.surfaces import Markdown
from workflows.run.provenance import Provenance
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError

FRESH: Final = timedelta(seconds=2)  # (2) a moment ago is not looked at again
TOLD_MAX: Final = 5  # obstacles in one sentence


class Feasibility:
    """Asks ahead for one run."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        stages: Stages,
        provenance: Provenance,
    ) -> None:
        self._plan = plan
        self._inputs = inputs
        self._stages = stages
        self._identity = provenance.identity
        self._followers = Followers(plan)
        self._one_at_a_time = asyncio.Lock()
        self._found: list[ahead.Obstacle] = []
        self._looked: dict[str, datetime] = {}
        self._asked: dict[str, int] = {}

    async def require_all(self) -> None:
        """Refuse a run of which somebody would be asked in vain (1).

        Raises:
            StageEndedError: a stage that may come could not run.
        """
        if not has_gate(self._plan):
            return
        obstacles = await self._obstacles("run", self._plan.steps)
        if obstacles:
            raise StageEndedError(
                failures.STAGE_FAILED,
                obstacles[0].path,
                StageStatus.REJECTED,
                _told(obstacles, first="before anybody was asked"),
            )

    async def require_behind(self, gate: GateStep) -> None:
        """Refuse to ask at ``gate`` for what could not run (1).

        Raises:
            StageEndedError: a stage that waits for it could not.
        """
        obstacles = await self._obstacles(gate.path, self._followers.of(gate.path))
        if obstacles:
            raise StageEndedError(
                failures.STAGE_FAILED,
                gate.path,
                StageStatus.FAILED,
                f"nobody was asked: stage {obstacles[0].path!r} could not run: {_told(obstacles)}",
            )

    async def _obstacles(self, place: str, steps: Iterable[Any]) -> list[ahead.Obstacle]:
        async with self._one_at_a_time:  # (2) one look at a time
            if not self._found:
                self._found = await self._look(place, steps)
        return self._found

    async def _look(self, place: str, steps: Iterable[Any]) -> list[ahead.Obstacle]:
        now = workflow.now()
        waiting = (
            step
            for step in possible(steps, self._status_of, self._inputs)
            # (2) not looked at a moment ago
            if now - self._looked.get(step.path, now - FRESH) >= FRESH
        )
        found: list[ahead.Obstacle] = []
        while batch := tuple(islice(waiting, ahead.STAGES_MAX)):
            self._looked |= dict.fromkeys((step.path for step in batch), now)
            number = self._asked[place] = self._asked.get(place, 0) + 1
            answer = await ahead.feasible(
                ahead.FeasibleRequest(
                    pipeline=self._plan.name, stages=tuple(map(self._ahead, batch))
                ),
                activity_id=f"{place}/feasible#{number}",
                summary=Markdown.of("could {} stage(s) run?", len(batch)),
            )
            found += answer.obstacles
        return found

    def _ahead(self, step: AgentStep) -> ahead.StageAhead:
        slim = step.model_copy(update={"inputs": {}})
        return ahead.StageAhead(agent=self._identity(step.agent), step=slim)

    def _status_of(self, path: str) -> StageStatus:
        return self._stages[path].status


def _told(obstacles: list[ahead.Obstacle], first: str = "") -> str:
    told = [obstacles[0].why + (f" ({first})" if first else "")]
    told += [f"stage {each.path!r}: {each.why}" for each in obstacles[1:TOLD_MAX]]
    if len(obstacles) > TOLD_MAX:
        told.append(f"and {len(obstacles) - TOLD_MAX} more")
    return "; ".join(told)
