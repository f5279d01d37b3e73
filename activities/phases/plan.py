"""PLAN: what is going to be done, put down before it is done.

A program that takes part in PLAN says so itself; for any other the engine puts down what it
will be given. Either way the plan stands in the artefact store before EXECUTE begins.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.health.places import at_a_place
from activities.phases.agent_program import ask
from activities.phases.delegation.account import runtime_facts
from activities.phases.equipment import Equipment, enter, put_json
from activities.runtime.boundary import governed
from dsl.core import AgentPhase
from dsl.rules.health.clarification import narrowed

PHASE = AgentPhase.PLAN


class Plan:
    """Puts down what will be done."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @at_a_place(PHASE)
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Return the plan as an output."""
        lease = await enter(self._equipment, request, PHASE)
        if PHASE in request.step.phases:
            answer = await ask(self._equipment, request, lease, PHASE)
            return messages.PhaseResult(
                outputs=answer.outputs,
                fence=lease.fence,
                facts=answer.facts,
                violations=answer.violations,
                asked=answer.asked,
            )
        clarified = request.clarified
        step = narrowed(request.step, clarified)
        plan = {
            "program": step.program or "",
            "inputs": request.inputs,
            "secrets": step.secrets,
            "sandbox": step.sandbox.model_dump(mode="json"),
            **runtime_facts(step),
            **({"clarification": clarified.told()} if clarified else {}),
        }
        return messages.PhaseResult(
            outputs=(await put_json(self._equipment, PHASE, "plan.json", plan),), fence=lease.fence
        )
