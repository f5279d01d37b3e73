"""PREFLIGHT: is everything there that EXECUTE will need? Found out before anything is done.

What that is says ``activities.phases.machine``.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.phases.delegation.account import NO_SANDBOX, runtime_facts
from activities.phases.equipment import Equipment, enter, put_json
from activities.phases.machine import require_machine
from activities.runtime.boundary import governed
from dsl.core import AgentPhase
from integrations.agents.sandbox import landlock

PHASE = AgentPhase.PREFLIGHT


class Preflight:
    """Looks before the leap."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Check the machine against what the stage asks for."""
        settings, step = self._equipment.settings, request.step
        lease = await enter(self._equipment, request, PHASE)
        require_machine(settings, step)
        level = NO_SANDBOX if step.runtime is not None else landlock.level()
        facts = {
            "sandbox": level,
            "program": step.program or "",
            "tcp": sorted(step.sandbox.tcp),
            **runtime_facts(step),
        }
        return messages.PhaseResult(
            outputs=(await put_json(self._equipment, PHASE, "preflight.json", facts),),
            fence=lease.fence,
            facts={"sandbox": level, **runtime_facts(step)},
        )
