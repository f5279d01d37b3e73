"""A run that was admitted: the gates and agents of its plan, for where it comes from.

1. All of it is made once the run's provenance is known: nothing here is told later what it is.
2. Nobody is asked for what is known to fail: see ``workflows.run.feasibility``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow

from activities.contracts import messages
from dsl.core import StageStatus
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.run.checkpoints import Checkpoints
from dsl.shown.heads import by_rank
from dsl.values.canonical import digest_of
from workflows.gates.control_groups import ControlGroups
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.run.agent_stages import AgentStages
from workflows.run.agent_stops import AgentStops
from workflows.run.council import hear
from workflows.run.feasibility import Feasibility
from workflows.run.provenance import Provenance
from workflows.run.scheduler import Scheduler
from workflows.run.stages import Stages
from workflows.run.turns import Turns
from workflows.runtime.failures import StageEndedError


class AdmittedRun:
    """Runs the stages of one plan."""

    def __init__(
        self,
        plan: Plan,
        compiled: messages.CompileResult,
        provenance: Provenance,
        *,
        stages: Stages,
        turns: Turns,
        records: LedgerBuffer,
    ) -> None:
        self._plan = plan
        self._digest = compiled.digest
        self._inputs = compiled.inputs
        self._stages = stages
        self._turns = turns
        policy = compiled.policy
        self.gates = GateBoard(
            (step.path for step in walk(plan.steps) if isinstance(step, GateStep)),
            records,
            ControlGroups(
                plan,
                compiled.digest,
                records,
                asking=compiled.asking,
                authors=provenance.author_proofs,
            ),
            policy,
            identity=policy.gate_identity,
            excluded=provenance.people,
        )
        self.checkpoints = Checkpoints(self.gates.decided)
        self.agents = AgentStages(
            plan,
            compiled,
            provenance,
            stages=stages,
            gates=self.gates,
            records=records,
            begins=self._begin_agent,
        )
        self.stopping = AgentStops(plan, provenance, self.agents, records)
        self._feasibility = Feasibility(plan, compiled.inputs, stages, provenance)

    async def run(self) -> None:
        """Run every stage that is reached.

        Raises:
            StageEndedError: one did not complete, and the run does not go on without it.
        """
        await self._feasibility.require_all()  # (2) before anybody is asked
        await Scheduler(self._stages, self, self._turns).steps(self._plan.steps)

    async def agent(self, step: AgentStep) -> str:
        """Run an agent stage as a child workflow."""
        try:
            detail = await self.agents.run(step, self.environment())
        except (StageEndedError, asyncio.CancelledError):
            self.checkpoints.end(step.path, _this_task())
            raise
        self.checkpoints.end(step.path, _this_task())
        return detail

    async def gate(self, step: GateStep) -> str:
        """Wait at a gate."""
        await self._feasibility.require_behind(step)  # (2) once more before it opens
        self._begin_gate(step.path)
        self._stages.move(step.path, StageStatus.WAITING)
        approved = self._stages.outputs_of(step.approves)
        subject = {
            path: {output.name: output.digest for output in outputs}
            for path, outputs in approved.items()
        }
        matter = Matter(self._digest, digest_of(self._inputs), subject, tuple(by_rank(approved)))
        detail = await self.gates.decide(step, matter, hear(step, self._stages))
        self.checkpoints.end(step.path, _this_task())
        return detail

    def environment(self) -> dict[str, Any]:
        """Return what conditions and agent inputs may refer to."""
        return {"inputs": self._inputs, "stages": self._stages.environment()}

    def _begin_agent(self, path: str) -> None:
        self.checkpoints.begin(path, _this_task(), _now())

    def _begin_gate(self, path: str) -> None:
        self.checkpoints.begin(path, _this_task(), _now(), is_gate=True)


def _this_task() -> int:
    """Return the event that will complete the workflow task under way: a run is reset to those.

    Its start is the last event there is, and its completion will be the next.
    """
    return workflow.info().get_current_history_length() + 1


def _now() -> str:
    return workflow.now().isoformat(timespec="seconds")
