"""``agent.processes``: is a process of that agent left on this machine?

1. Looks and says; ends nothing. What ends an agent's process is its own worker, or its keeper when
   that worker is gone.
2. One that is ending is waited for, shortly; after that Temporal asks again.
3. It speaks for the machine of the worker that was asked. A queue that several machines serve is
   answered for by one of them: on the others a run that is over has ended its process.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Final

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.runtime.boundary import governed
from integrations.agents.processes.roster import Roster
from integrations.errors import UnavailableError

WAIT_S: Final = 3.0  # longer than a keeper gives an agent to end
LOOK_EVERY_S: Final = 0.02


class Processes:
    """Reads the roster of this machine."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    @activity.defn(name=trust.confirm_processes.name)
    @governed
    async def confirm(self, request: trust.AgentName) -> trust.Braked:
        """Confirm that none is left."""
        host = socket.gethostname()
        until = time.monotonic() + WAIT_S
        while alive := await asyncio.to_thread(self._roster.alive, request.agent):
            if time.monotonic() > until:
                raise UnavailableError(f"{len(alive)} of the agent's processes live on {host}")
            await asyncio.sleep(LOOK_EVERY_S)  # (2) waited for, shortly
        line = trust.ReceiptLine(
            what=f"processes: none of the agent's is left on {host}",
            confirmed=True,
            detail=f"asked of the worker of {activity.info().task_queue}",
        )
        return trust.Braked(lines=(line,))
