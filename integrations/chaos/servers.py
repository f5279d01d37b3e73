"""What can be done to a tool server in the midst of a call: it is told where, and stands there.

1. An order lies where the server looks for it when it is called. Who takes it removes it.
2. Told to stand, it does nothing yet, and makes a file that it keeps open. What is struck is the
   process of ours that has it open; then it is let go. If nobody does that, it goes on by itself.
3. Told to lose its answer, it does what it is asked, and ends: that it was done is looked at where
   it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from integrations.chaos.fault import Fault, NotOursError, seen
from integrations.chaos.own import OwnProcesses, OwnTarget

STAND: Final = "stand"
LOSE: Final = "lose"
CALLED_WITHIN_S: Final = 20.0
_STANDS: Final = ".stands"  # behind the name of the order: who has it open stands there


class _Order:
    """One order, given and taken."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.stands = file.with_name(file.name + _STANDS)
        self.was_given = False

    def give(self, what: str) -> None:
        """Lay it where the server looks for it (1)."""
        draft = self._file.with_name(f".{self._file.name}")
        draft.write_text(what)
        draft.rename(self._file)  # whole or not at all
        self.was_given = True

    @property
    def is_taken(self) -> bool:
        """Tell whether somebody has it."""
        return self.was_given and not self._file.exists()

    def take_back(self) -> None:
        """Take back what nobody has taken, and let go of who stands."""
        if self._file.exists():
            self.was_given = False
        for file in (self._file, self.stands):
            file.unlink(missing_ok=True)


class StruckServer(Fault):
    """The process that serves one call is struck in the midst of it (2)."""

    def __init__(
        self, order: Path, processes: OwnProcesses, kind: Callable[[OwnTarget], Fault]
    ) -> None:
        """``kind`` is what is done to it."""
        self._order = _Order(order)
        self._processes = processes
        self._kind = kind
        self._done: Fault | None = None

    async def strike(self) -> None:
        """Have it stand, and strike it there."""
        self._order.give(STAND)
        try:
            if not await seen(self._stands, CALLED_WITHIN_S):
                raise NotOursError("no tool server was called in time")
            fault = self._kind(self._processes.holder(self._order.stands))
            await fault.strike()
            self._done = fault
            await fault.fired()  # before it is let go
        finally:
            self._order.take_back()

    async def fired(self) -> bool:
        """Tell whether it was struck."""
        return self._done is not None and await self._done.fired()

    async def undo(self) -> None:
        """Undo what was done to it."""
        self._order.take_back()
        if self._done is not None:
            await self._done.undo()

    async def _stands(self) -> bool:
        return self._order.stands.exists()


class LostAnswer(Fault):
    """A server does what it is asked, and ends before it has answered (3)."""

    def __init__(self, order: Path, is_done: Callable[[], bool]) -> None:
        """``is_done`` looks whether it was done."""
        self._order = _Order(order)
        self._is_done = is_done

    async def strike(self) -> None:
        """Tell it so, and wait until it was called."""
        self._order.give(LOSE)
        if not await seen(self._taken, CALLED_WITHIN_S):
            raise NotOursError("no tool server was called in time")

    async def fired(self) -> bool:
        """Tell whether it has taken the order, and done what it was asked."""

        async def is_done() -> bool:
            return self._is_done()

        return self._order.is_taken and await seen(is_done)

    async def undo(self) -> None:
        """Take back what nobody has taken."""
        self._order.take_back()

    async def _taken(self) -> bool:
        return self._order.is_taken
