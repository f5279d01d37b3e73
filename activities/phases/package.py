"""PACKAGE: one manifest that names every output by digest: what the stage delivers."""

from __future__ import annotations

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.phases.equipment import Equipment, enter, put_json
from activities.runtime.boundary import governed
from dsl.core import AgentPhase

PHASE = AgentPhase.PACKAGE


class Package:
    """Writes the manifest."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Return the manifest as an output."""
        lease = await enter(self._equipment, request, PHASE)
        manifest = {
            "pipeline": request.pipeline,
            "plan": request.plan,
            "stage": request.step.path,
            "agent": request.agent,
            "outputs": [output.model_dump(mode="json") for output in request.prior],
        }
        output = await put_json(self._equipment, PHASE, "manifest.json", manifest)
        return messages.PhaseResult(
            outputs=(output,), fence=lease.fence, facts={"manifest": output.digest}
        )
