"""EXECUTE: the one phase in which the agent acts."""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits, watched_outside
from activities.health.places import at_a_place
from activities.phases.agent_program import ask
from activities.phases.equipment import Equipment, enter
from activities.runtime.boundary import governed
from activities.runtime.effect import stopped_by_hand
from dsl.core import AgentPhase

PHASE = AgentPhase.EXECUTE


class Execute:
    """Runs the agent's program."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @at_a_place(PHASE)
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Run the program and store what it delivers."""
        lease = await enter(self._equipment, request, PHASE)
        try:
            work = ask(self._equipment, request, lease, PHASE)
            answer = await watched_outside(self._equipment, request, work)
        except asyncio.CancelledError:
            stopped = stopped_by_hand()
            if stopped is None:
                raise
            raise stopped from None
        return messages.PhaseResult(
            output=answer.output,
            outputs=answer.outputs,
            fence=lease.fence,
            facts=answer.facts,
            violations=answer.violations,
            asked=answer.asked,
        )
