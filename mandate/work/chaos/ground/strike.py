"""A fault as it is done to everything that it strikes at once: each struck, seen and undone.

1. One that cannot be found, done, looked at or undone keeps no other from it, and none waits for
   another: each is struck as soon as it is found. The record says which could not.
2. What was seen to have happened is not asked again. A fault of a run counts for that run; one of
   the stack for every run that was under way, and where it was to be struck.
3. It is undone when all of them are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Final

from temporalio.service import RPCError

from integrations.chaos.fault import Fault, NotOursError
from integrations.errors import IntegrationError
from mandate.unanswered import words_of
from mandate.work.chaos.journal import FaultRecord

NOT_DONE: Final = (IntegrationError, RPCError, OSError)  # what a fault may fail with
NOTE_MAX: Final = 300  # characters


@dataclass(frozen=True, slots=True)
class Aimed:
    """A fault, and the runs that it happens to when it happens."""

    fault: Fault
    runs: tuple[str, ...]


@dataclass
class Strike:
    """A fault that was done, or tried."""

    record: FaultRecord
    faults: list[Aimed] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)  # places in ``faults``
    _missed: set[int] = field(default_factory=set)  # what was gone when it was to be struck

    def note(self, why: str) -> None:
        """Say in the record what went otherwise than planned."""
        self.record.note = why[:NOTE_MAX]

    async def strike(self, aims: Iterable[Awaitable[Aimed]]) -> None:
        """Do all of it (1), and look whether it happened."""
        await asyncio.gather(*map(self._strike, aims))
        await self.see()

    async def _strike(self, aim: Awaitable[Aimed]) -> None:
        aimed = None
        try:
            aimed = await aim
            self.faults.append(aimed)  # before it is struck: it may have to be undone even so
            await aimed.fault.strike()
        except NotOursError as error:  # (2) it was gone: what is seen now is not our doing
            self.note(str(error))
            self._missed.update(at for at, each in enumerate(self.faults) if each is aimed)
        except NOT_DONE as error:
            self.note(words_of(error))

    async def see(self) -> None:
        """Look whether it happened (2)."""
        unseen = [at for at in range(len(self.faults)) if at not in self._seen | self._missed]
        await asyncio.gather(*map(self._look, unseen))

    async def _look(self, at: int) -> None:
        with contextlib.suppress(*NOT_DONE):
            if await self.faults[at].fault.fired():
                self._seen.add(at)
                new = [run for run in self.faults[at].runs if run not in self.record.struck]
                self.record.struck += new

    async def undo(self) -> bool:
        """Take all of it back, the last one first, unless it is; tell whether it is now (3)."""
        if self.record.undone:
            return True
        await self.see()
        is_undone = True
        for each in reversed(self.faults):
            try:
                await each.fault.undo()
            except NOT_DONE as error:
                self.note(f"not undone: {words_of(error)}")
                is_undone = False
        self.record.undone = is_undone
        return is_undone
