"""Until when an agent may live: said by whoever holds its lease, told to its keeper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Lifeline:
    """One deadline, in seconds of ``integrations.clock``, which only moves on."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._tell: list[Callable[[float], None]] = []

    @property
    def deadline(self) -> float:
        """As last renewed."""
        return self._deadline

    def renew(self, deadline: float) -> None:
        """Move the deadline on, and say so."""
        self._deadline = max(self._deadline, deadline)
        for tell in self._tell:
            tell(self._deadline)

    @contextmanager
    def told_to(self, tell: Callable[[float], None]) -> Iterator[None]:
        """Tell it meanwhile: what it is now, and what it becomes. ``tell`` must not wait."""
        self._tell.append(tell)
        try:
            tell(self._deadline)
            yield
        finally:
            self._tell.remove(tell)
