"""PREFLIGHT: is everything there that EXECUTE will need? Found out before anything is done.

1. The workspace is a directory.
2. The sandbox of this machine reaches the level the tier demands: T2 and above demand
   Landlock.
3. No declared port belongs to one of the engine's own servers.
4. Where a port is declared, the kernel can keep the others closed.
"""

from __future__ import annotations

from temporalio import activity

from activities import contracts
from activities.boundary import governed
from activities.phases.asking import refuse_engine_ports
from activities.phases.tools import Tools, enter, put_json
from dsl.core import AgentPhase, Tier
from integrations.agents import landlock
from integrations.errors import DeniedError

PHASE = AgentPhase.PREFLIGHT


class Preflight:
    """Looks before the leap."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn(name=contracts.PHASES[PHASE].name)
    @governed
    async def run(self, request: contracts.PhaseRequest) -> contracts.PhaseResult:
        """Check the machine against what the stage asks for."""
        settings, step = self._tools.settings, request.step
        lease = await enter(self._tools, request, PHASE)
        if not settings.workspace.is_dir():  # (1)
            raise DeniedError(
                f"the workspace {settings.workspace} is not a directory: set MANDATE_WORKSPACE"
            )
        level = landlock.level()
        if step.tier >= Tier.T2 and level == "none":  # (2)
            raise DeniedError(
                f"{step.tier.name} demands a sandbox, and this machine has no Landlock: "
                "use Linux 5.13 or newer"
            )
        refuse_engine_ports(settings, step)  # (3)
        if step.sandbox.tcp and not landlock.limits_tcp():  # (4)
            raise DeniedError(
                "this kernel cannot open single TCP ports to an agent: use Linux 6.7 or newer "
                "(Landlock ABI 4), or remove sandbox.tcp"
            )
        facts = {"sandbox": level, "program": step.program or "", "tcp": sorted(step.sandbox.tcp)}
        return contracts.PhaseResult(
            outputs=(await put_json(self._tools, PHASE, "preflight.json", facts),),
            fence=lease.fence,
            facts={"sandbox": level},
        )
