"""A run that was admitted: the gates and agents of its plan, for where it comes from.

1. All of it is made once the run's provenance is known: nothing here is told later what it is.
2. Nobody is asked for what is known to fail: see ``workflows.run.feasibility``.
3. Where the run resumes an earlier one, what that has packaged may stand for a stage, which is then
   not run: see ``workflows.ledger.reuse``. A gate is asked all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from temporalio import workflow

from activities.contracts import messages
from dsl.core import StageStatus
from dsl.plan import AgentStep, AnyStep, GateStep, Plan, walk
from dsl.rules.gates.guards import acting_on
from dsl.rules.run.checkpoints import Checkpoints
from dsl.shown.heads import by_rank
from dsl.values.canonical import digest_of
from workflows.gates.control_groups import ControlGroups
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.ledger.reuse import Reuse
from workflows.run.agent_stages import AgentStages
from workflows.run.agent_stops import AgentStops
from workflows.run.council import hear
from workflows.run.feasibility import Feasibility
from workflows.run.provenance import Provenance
from workflows.run.questions.clarifications import PlanOfStage
from workflows.run.scheduler import Scheduler
from workflows.run.stages import Stages
from workflows.run.turns import Turns
from workflows.runtime.failures import StageEndedError
from workflows.runtime.tasks import this_task


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
        reuse: Reuse | None = None,
    ) -> None:
        self._plan = plan
        self._digest = compiled.digest
        self._reuse = reuse
        self._provenance = provenance
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
            outlives_reset=self._outlives_reset,
        )
        self.checkpoints = Checkpoints(
            self.gates.resets.decided, self.gates.with_votes, lambda: self._acting_on
        )
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
        """Run an agent stage as a child workflow, or take what stands for it (3)."""
        try:
            inputs = self.agents.requests.inputs_of(step, self.environment())
            taken = await self._taken(self._reuse, step, inputs) if self._reuse else None
            detail = await self.agents.run(step, inputs) if taken is None else taken
        except (StageEndedError, asyncio.CancelledError):
            self.checkpoints.end(step.path, this_task())
            raise
        self.checkpoints.end(step.path, this_task())
        return detail

    async def _taken(self, reuse: Reuse, step: AgentStep, inputs: dict[str, Any]) -> str | None:
        """Take what was packaged before for a stage (3); None: it is run."""
        request = self.agents.requests.of(step, step.agent, inputs, PlanOfStage())
        found = await reuse.of(request)
        if found.refusal:
            detail = f"not reused from {reuse.workflow}: {found.refusal}"
            self._stages.move(step.path, StageStatus.RUNNING, detail)
            return None
        self._begin_agent(step.path)
        detail = f"reused from {reuse.workflow}, entry {found.entry}"
        self._stages.finish(
            step.path,
            StageStatus.COMPLETED,
            detail=detail,
            output=found.output,
            outputs=found.outputs,
            ended_ms=self._stages[step.path].began_ms,  # it took no time of this run
        )
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
        try:
            detail = await self.gates.decide(step, matter, hear(step, self._stages))
        except (StageEndedError, asyncio.CancelledError):
            self._end_gate(step.path)
            raise
        self._end_gate(step.path)
        return detail

    def passed_over(self, steps: Iterable[AnyStep]) -> None:
        """Keep in mind which stages will never begin."""
        for step in steps:
            self.checkpoints.never(step.path, this_task())

    def environment(self) -> dict[str, Any]:
        """Return what conditions and agent inputs may refer to."""
        return {"inputs": self._inputs, "stages": self._stages.environment()}

    @cached_property
    def _acting_on(self) -> dict[str, frozenset[str]]:
        return acting_on(self._plan)  # it costs much in a large plan, and is seldom asked for

    def _outlives_reset(self, gate: str) -> bool:
        """Tell whether what was decided at a gate of the plan is good in another run too."""
        steps = walk(self._plan.steps)
        is_planned = any(step.path == gate and isinstance(step, GateStep) for step in steps)
        return is_planned and gate not in self._acting_on

    def _begin_agent(self, path: str) -> None:
        self.checkpoints.begin(path, this_task(), _now())

    def _begin_gate(self, path: str) -> None:
        self.checkpoints.begin(path, this_task(), _now(), is_gate=True)

    def _end_gate(self, path: str) -> None:
        self.checkpoints.end(path, this_task())
        # It is over when it is decided, whatever was decided; one that is given up never is.
        self._stages.over(path, self.gates.decided_ms.get(path, 0))


def _now() -> str:
    return workflow.now().isoformat(timespec="seconds")
