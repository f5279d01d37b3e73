"""What an agent is told of the tools that it may call, in the words of their servers.

1. Of each tool that some rule of the table does not deny: its pin is told, which somebody has read,
   and never what its server says now.
2. Beyond ``TOOLS_TOLD_BYTES_MAX`` the rest is told by name alone. Telling lets nothing be called.
"""

from __future__ import annotations

import asyncio
from typing import Any

from activities.contracts import messages
from activities.phases.equipment import Equipment
from dsl.core import AgentPhase
from dsl.limits import TOOLS_TOLD_BYTES_MAX
from dsl.tools.servers import ToolServers
from dsl.values.canonical import canonical


async def told_of(
    equipment: Equipment, request: messages.PhaseRequest, phase: AgentPhase
) -> tuple[dict[str, Any], ...]:
    """Return what is told; only EXECUTE calls anything."""
    if phase is not AgentPhase.EXECUTE or not request.step.tools:
        return ()
    servers = await asyncio.to_thread(equipment.tools.look)
    names = dict.fromkeys((r.server, r.tool) for r in request.step.tools if r.policy != "deny")
    told, size = [], 0
    for server, tool in names:
        about = {"server": server, "tool": tool, **_said(servers, server, tool)}
        size += len(canonical(about).encode())
        # (2) the rest by name alone
        told.append(about if size <= TOOLS_TOLD_BYTES_MAX else {"server": server, "tool": tool})
    return tuple(told)


def _said(servers: ToolServers | None, server: str, tool: str) -> dict[str, Any]:
    known = None if servers is None else servers.get(server)
    pin = None if known is None else known.pins.get(tool)
    if pin is None:
        return {}
    return {
        "description": str(pin.said.get("description") or ""),
        "input_schema": pin.said.get("inputSchema"),
    }
