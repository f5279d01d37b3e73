"""What this machine offers to tool servers, as its settings have it."""

from __future__ import annotations

from integrations.agents.sandbox import landlock
from integrations.settings import Settings
from integrations.tools.serving import Surroundings


def surroundings_of(settings: Settings) -> Surroundings:
    """Return it."""
    return Surroundings(
        path=settings.agent_path,
        denied=settings.hidden_from_agents,
        ports=settings.engine_ports,
        declared=settings.tools,
        required=landlock.abi() > 0,
    )
