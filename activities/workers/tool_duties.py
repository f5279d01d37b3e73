"""What makes calls of tools, as the worker of one queue may."""

from __future__ import annotations

from activities.ledger.beside import LedgerBeside
from activities.phases.equipment import Equipment
from activities.tools.calling import Proving, ToolCalls
from activities.tools.intents import Intents
from integrations.tools.surroundings import surroundings_of
from integrations.tools.warm import WarmServers


def tool_calls(
    equipment: Equipment,
    warm: WarmServers,
    proven: Proving | None = None,
    beside: LedgerBeside | None = None,
) -> ToolCalls:
    """Return it; ``proven``: of T3 and T4, and no others; ``beside``: of those up to T2."""
    return ToolCalls(
        equipment.tools,
        surroundings_of(equipment.settings),
        equipment.artifacts,
        issuer=equipment.issuer,
        warm=warm,
        proven=proven,
        intents=Intents(beside.recording) if beside else None,
    )
