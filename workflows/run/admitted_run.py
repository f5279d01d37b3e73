"""A run that was admitted: the gates and agents of its plan, for where it comes from.

1. All of it is made once the run's provenance is known: nothing here is told later what it is.
2. Nobody is asked for what is known to fail: see ``workflows.run.feasibility``.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from activities.contracts import messages
from dsl.core import StageStatus
from dsl.plan import AgentStep, GateStep, Plan, walk
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
        self.checkpoints: list[dict[str, Any]] = []
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
        self.agents = AgentStages(
            plan,
            compiled,
            provenance,
            stages=stages,
            gates=self.gates,
            records=records,
            begins=self._mark,
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
        return await self.agents.run(step, self.environment())

    async def gate(self, step: GateStep) -> str:
        """Wait at a gate."""
        await self._feasibility.require_behind(step)  # (2) once more before it opens
        self._mark(step.path)
        self._stages.move(step.path, StageStatus.WAITING)
        approved = self._stages.outputs_of(step.approves)
        subject = {
            path: {output.name: output.digest for output in outputs}
            for path, outputs in approved.items()
        }
        matter = Matter(self._digest, digest_of(self._inputs), subject, tuple(by_rank(approved)))
        return await self.gates.decide(step, matter, hear(step, self._stages))

    def environment(self) -> dict[str, Any]:
        """Return what conditions and agent inputs may refer to."""
        return {"inputs": self._inputs, "stages": self._stages.environment()}

    def _mark(self, path: str) -> None:
        """Name the point in history from which ``temporal workflow reset`` repeats a stage."""
        self.checkpoints.append(
            {
                "before": path,
                # The workflow task under way: started is the last event, completed the next.
                "event_id": workflow.info().get_current_history_length() + 1,
                "time": workflow.now().isoformat(timespec="seconds"),
            }
        )
