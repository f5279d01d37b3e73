"""The ledger as the rest of the system sees it: record, and ask what stands recorded.

Exactly one process holds one; readers use ``verify`` and ``tail`` on the file instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from dsl.rules.ledger.note import SignedNote
from dsl.rules.trust.scorecard import Card
from integrations.ledger import lookup
from integrations.ledger.authority import Authority, Fold
from integrations.ledger.entries import Draft, Entry, Receipt
from integrations.ledger.events.reading import Ordered, Registration
from integrations.ledger.scores import Cards
from integrations.ledger.unended import Begun, Unended
from integrations.ledger.writer import Progress, Writer
from integrations.room import require_room

T = TypeVar("T")


class Ledger:
    """The one writer of the ledger at ``path``, and the folds over its entries."""

    def __init__(self, path: Path) -> None:
        """Open the ledger; errors and side effects are those of ``Writer``."""
        self.path = path
        self._fold = Fold()
        self._cards = Cards()
        self._unended = Unended()
        self._writer = Writer(path, self._fold, self._cards, self._unended)

    async def append(self, drafts: Sequence[Draft]) -> tuple[Receipt, ...]:
        """Record ``drafts`` as one unit, idempotent by key; errors as ``Writer.append``."""
        return await self._writer.append(drafts)

    @property
    def progress(self) -> Progress:
        """How far it has come, every receipt given so far included."""
        return self._writer.progress

    def hold(self, why: str) -> None:
        """Record nothing from now on, and say why; empty: record again."""
        self._writer.hold(why)

    async def keep(self, note: SignedNote) -> None:
        """Keep a signed note beside the entries; errors as ``Writer.keep``."""
        await self._writer.keep(note)

    def require_room(self) -> None:
        """Make sure that something new may begin; errors as ``integrations.room.require_room``."""
        require_room(self.path.parent, "anything new")

    def authority(self, agent: str) -> Authority:
        """Return the terms of ``agent``, every receipt given so far included.

        Raises:
            UnavailableError: the writer is gone, and its memory no authority any more.
        """
        self._writer.require_alive()
        return self._fold.authority(agent)

    def registrations(self, digest: str) -> tuple[Registration, ...]:
        """Return who vouched for the plan of this digest; empty when nobody did.

        Raises:
            UnavailableError: the writer is gone, and its memory no authority any more.
        """
        self._writer.require_alive()
        return self._fold.registrations(digest)

    def orders(self) -> tuple[Ordered, ...]:
        """Return the order that holds for each circuit that a person has ordered about.

        Raises:
            UnavailableError: the writer is gone, and its memory no authority any more.
        """
        self._writer.require_alive()
        return self._fold.orders()

    def standing(self, circuit: str) -> Ordered | None:
        """Return whose order counts about a circuit, also one that is still to be carried out.

        Raises:
            UnavailableError: the writer is gone, and its memory no authority any more.
        """
        self._writer.require_alive()
        return self._fold.standing(circuit)

    def card(self, agent: str) -> Card:
        """Return the score card of ``agent``, every receipt given so far included.

        Raises:
            UnavailableError: the writer is gone, and its memory no authority any more.
        """
        self._writer.require_alive()
        return self._cards.card(agent)

    def unended(self) -> tuple[Begun, ...]:
        """Return what has begun and not ended, the oldest first, every receipt included.

        Raises:
            UnavailableError: the writer is gone, and its memory no authority any more.
        """
        self._writer.require_alive()
        return self._unended.all()

    async def by_key(self, key: str) -> Entry | None:
        """Return what was recorded under ``key``; None: nothing. Errors as ``lookup.by_key``."""
        return await asyncio.to_thread(self._look_up, lookup.by_key, key)

    async def by_place(self, seq: int) -> Entry | None:
        """Return the entry at that place; None: there is none. Errors as ``lookup.by_key``."""
        return await asyncio.to_thread(self._look_up, lookup.by_place, seq)

    async def latest(self, action: str, most: int) -> list[Entry]:
        """Return the latest entries of that action; errors as ``lookup.latest``."""
        return await asyncio.to_thread(lookup.latest, self.path, action, most)

    @property
    def lag_s(self) -> float:
        """For how long what is to be recorded has been waiting for that; 0: nothing does."""
        return self._writer.lag_s

    def require_file(self) -> None:
        """Look whether the file is the one that the writer left.

        Raises:
            UnavailableError: it is not: what is read of it is no evidence.
        """
        self._writer.require_file()

    def _look_up(self, find: Callable[[Path, T], Entry | None], what: T) -> Entry | None:
        try:
            found = find(self.path, what)
        finally:
            self.require_file()
        return found

    def close(self) -> None:
        """Record what waits and give the file back. Harmless when repeated."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
