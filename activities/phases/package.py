"""PACKAGE: one manifest that names every output by digest: what the stage delivers."""

from __future__ import annotations

from temporalio import activity

from activities import contracts
from activities.boundary import governed
from activities.phases.tools import Tools, enter, put_json
from dsl.core import AgentPhase

PHASE = AgentPhase.PACKAGE


class Package:
    """Writes the manifest."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn(name=contracts.PHASES[PHASE].name)
    @governed
    async def run(self, request: contracts.PhaseRequest) -> contracts.PhaseResult:
        """Return the manifest as an output."""
        lease = await enter(self._tools, request, PHASE)
        manifest = {
            "pipeline": request.pipeline,
            "plan": request.plan,
            "stage": request.step.path,
            "agent": request.agent,
            "outputs": [output.model_dump(mode="json") for output in request.prior],
        }
        output = await put_json(self._tools, PHASE, "manifest.json", manifest)
        return contracts.PhaseResult(
            outputs=(output,), fence=lease.fence, facts={"manifest": output.digest}
        )
