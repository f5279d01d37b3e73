"""EXECUTE: the one phase in which the agent acts."""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities import contracts
from activities.boundary import governed
from activities.effect import stopped_by_hand
from activities.phases.asking import ask
from activities.phases.tools import Tools, enter
from dsl.core import AgentPhase

PHASE = AgentPhase.EXECUTE


class Execute:
    """Runs the agent's program."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn(name=contracts.PHASES[PHASE].name)
    @governed
    async def run(self, request: contracts.PhaseRequest) -> contracts.PhaseResult:
        """Run the program and store what it delivers."""
        lease = await enter(self._tools, request, PHASE)
        try:
            answer = await ask(self._tools, request, lease, PHASE)
        except asyncio.CancelledError:
            stopped = stopped_by_hand()
            if stopped is None:
                raise
            raise stopped from None
        return contracts.PhaseResult(
            output=answer.output,
            outputs=answer.outputs,
            fence=lease.fence,
            facts=answer.facts,
            violations=answer.violations,
        )
