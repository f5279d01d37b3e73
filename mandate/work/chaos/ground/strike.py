"""A fault as it is done to everything that it strikes at once: each struck, seen and undone.

1. One that cannot be done, looked at or undone keeps no other from it; the record says which.
2. It has fired when one of them was seen to have happened; nothing is asked again after that.
3. It is undone when all of them are.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Final

from temporalio.service import RPCError

from integrations.chaos.fault import Fault
from integrations.errors import IntegrationError
from mandate.work.chaos.journal import FaultRecord

NOT_DONE: Final = (IntegrationError, RPCError, OSError)  # what a fault may fail with
NOTE_MAX: Final = 300  # characters


@dataclass
class Strike:
    """A fault that was done, or tried."""

    record: FaultRecord
    faults: list[Fault] = field(default_factory=list)

    def note(self, why: object) -> None:
        """Say in the record what went otherwise than planned."""
        self.record.note = str(why)[:NOTE_MAX]

    async def strike(self) -> None:
        """Do all of it (1), and look whether it happened."""
        for fault in self.faults:
            try:
                await fault.strike()
            except NOT_DONE as error:
                self.note(error)
        await self.see()

    async def see(self) -> None:
        """Look whether it happened (2)."""
        if self.record.fired:
            return
        for fault in self.faults:
            with contextlib.suppress(*NOT_DONE):
                self.record.fired = await fault.fired() or self.record.fired

    async def undo(self) -> bool:
        """Take all of it back, the last one first, unless it is; tell whether it is now (3)."""
        if self.record.undone:
            return True
        await self.see()
        is_undone = True
        for fault in reversed(self.faults):
            try:
                await fault.undo()
            except NOT_DONE as error:
                self.note(f"not undone: {error}")
                is_undone = False
        self.record.undone = is_undone
        return is_undone
