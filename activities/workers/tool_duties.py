"""What makes calls of tools, as the worker of one queue may."""

from __future__ import annotations

from activities.phases.equipment import Equipment
from activities.tools.calling import Proving, ToolCalls
from dsl.tools.folders import ToolFolders
from integrations.tools.surroundings import surroundings_of
from integrations.tools.warm import WarmServers


def tool_calls(equipment: Equipment, warm: WarmServers, proven: Proving | None = None) -> ToolCalls:
    """Return it; ``proven``: of T3 and T4, and no others."""
    return ToolCalls(
        ToolFolders(equipment.settings.tools),
        surroundings_of(equipment.settings),
        equipment.artifacts,
        issuer=equipment.issuer,
        warm=warm,
        proven=proven,
    )
