"""PACKAGE: one manifest that names every output by digest: what the stage delivers.

It says as well what the stage was made from, and whose it is: a later run may go by that, see
``dsl.rules.run.reuse``. Whose it is is told by the server.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.phases.equipment import Equipment, enter, put_json
from activities.runtime.boundary import governed
from dsl.core import AgentPhase
from dsl.rules.run.reuse import MANIFEST, Manifest, made_from

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
        info, clarified = activity.info(), request.clarified
        manifest = Manifest(
            pipeline=request.pipeline,
            plan=request.plan,
            stage=request.step.path,
            agent=request.agent,
            outputs=request.prior,
            workflow=info.workflow_id or "",
            run=info.workflow_run_id or "",
            made_from=made_from(
                request.step, request.program, request.inputs, request.given, request.ruled_by
            ),
            clarified=clarified.digest() if clarified else "",
        )
        told = manifest.model_dump(mode="json")
        output = await put_json(self._equipment, PHASE, MANIFEST, told)
        return messages.PhaseResult(
            outputs=(output,), fence=lease.fence, facts={"manifest": output.digest}
        )
