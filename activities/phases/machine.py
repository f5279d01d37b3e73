"""Can this machine run the stage? Asked by PREFLIGHT, and before people are asked.

1. The workspace is a directory.
2. The sandbox of this machine reaches the level the tier demands: T2 and above demand
   Landlock.
3. No declared port belongs to one of the engine's own servers.
4. Where a port is declared, the kernel can keep the others closed.
"""

from __future__ import annotations

from activities.phases.agent_program import refuse_engine_ports
from dsl.core import Tier
from dsl.plan import AgentStep
from integrations.agents.sandbox import landlock
from integrations.errors import DeniedError
from integrations.settings import Settings


def require_machine(settings: Settings, step: AgentStep) -> None:
    """Refuse a machine that cannot run the stage.

    Raises:
        DeniedError: it cannot, with what would help.
    """
    if not settings.workspace.is_dir():  # (1)
        raise DeniedError(
            f"the workspace {settings.workspace} is not a directory: set MANDATE_WORKSPACE"
        )
    if step.tier >= Tier.T2 and landlock.level() == "none":  # (2)
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
