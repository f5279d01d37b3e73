"""What an agent stage is told when it begins: its inputs, what it builds on, and its warrant.

1. A stage builds on the outputs of what it requires, or of what a gate that it requires approves.
2. A T3 or T4 stage is given what its own worker verifies again: the inputs, the approvals with
   their proofs, and who vouched for the plan and started the run. Of approvals only those count
   that are of the plan it works under: see ``workflows.run.questions.clarifications``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from activities.contracts import messages
from dsl.conditions.errors import ExpressionError
from dsl.conditions.interpolate import resolve
from dsl.core import AgentOutput, StageStatus, Tier
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.gates.guards import before
from dsl.rules.health.clarification import Clarification
from dsl.steps.tools import KnownTool
from workflows.gates.gate_board import GateBoard
from workflows.run.provenance import Provenance
from workflows.run.questions.clarifications import PlanOfStage
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError


class StageRequests:
    """Makes the requests of the agent stages of one run."""

    def __init__(
        self,
        plan: Plan,
        compiled: messages.CompileResult,
        provenance: Provenance,
        stages: Stages,
        gates: GateBoard,
    ) -> None:
        self._plan = plan
        self._compiled = compiled
        self._provenance = provenance
        self._project = plan.project or workflow.info().workflow_id
        self._stages = stages
        self._gates = gates
        self._steps = {step.path: step for step in walk(plan.steps)}

    @staticmethod
    def inputs_of(
        step: AgentStep, environment: Mapping[str, Any], path: str = ""
    ) -> dict[str, Any]:
        """Return the inputs of a stage; ``path``: in whose name, where it is not its own.

        Raises:
            StageEndedError: they cannot be resolved.
        """
        try:
            inputs: dict[str, Any] = resolve(step.inputs, environment)
        except ExpressionError as error:
            raise StageEndedError(
                failures.STAGE_FAILED, path or step.path, StageStatus.FAILED, f"inputs: {error}"
            ) from None
        return inputs

    def of(
        self,
        step: AgentStep,
        agent: str,
        inputs: dict[str, Any],
        under: PlanOfStage,
        *,
        given: dict[str, tuple[AgentOutput, ...]] | None = None,
    ) -> messages.AgentRequest:
        """Return the request; ``given``: what it builds on, where the plan does not say so."""
        clarified = under.clarified
        return messages.AgentRequest(
            pipeline=self._plan.name,
            plan=self._compiled.digest,
            project=self._project,
            agent=self._provenance.identity(agent),
            step=step,
            inputs=inputs,
            given=self.given(step) if given is None else given,
            warrant=self._warrant(step, clarified) if step.tier >= Tier.T3 else None,
            resumption=under.resumption,
            clarified=clarified,
            clarifications=under.count,
            before=under.before,
            run_inputs=self._compiled.inputs if step.tools else {},
            tools=self._tools(step),
            ledger_beside=self._compiled.policy.ledger_beside,
        )

    def _tools(self, step: AgentStep) -> dict[str, KnownTool]:
        names = {f"{rule.server}/{rule.tool}" for rule in step.tools}
        return {name: tool for name, tool in self._compiled.tools.items() if name in names}

    def given(self, step: AgentStep) -> dict[str, tuple[AgentOutput, ...]]:
        """Return the outputs a stage builds on (1)."""
        base = step.path.removesuffix(step.name)
        paths: list[str] = []
        for name in step.requires:
            required = self._steps[base + name]
            paths += required.approves if isinstance(required, GateStep) else [required.path]
        return self._stages.outputs_of(paths)

    def _warrant(self, step: AgentStep, clarified: Clarification | None) -> messages.Warrant:
        """Return what the worker of T3 and T4 verifies again (2)."""
        standing = {each.path for each in walk(before(self._plan, step.path))}
        plan = clarified.digest() if clarified else ""
        return messages.Warrant(
            inputs=self._compiled.inputs,
            approvals=tuple(
                each
                for each in self._gates.approvals
                if each.gate in standing and each.clarified == plan
            ),
            authors=self._provenance.author_proofs,
            starter=self._provenance.starter_proof,
        )
