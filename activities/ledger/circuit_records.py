"""Circuits, as the ledger knows them: what moved by itself is recorded, no order is forgotten.

Kept beside the activities of the one writer: no run asks for it, as none asks for the catalogue to
be registered. The rules:

1. Every change of state that nobody has ordered is recorded once, with why: its key is the circuit
   and its generation, so reading it again records nothing more.
2. The ledger is the authority for what people have ordered, Dragonfly has a copy. A store that
   knows an older order, or none, is told again; one order is never told behind a later one.
3. Nothing waits for it. Store or ledger away: it is done a second later, or when they are back.
   What the store has lost before it was read stands in the logs of the workers only; so does what
   they counted each alone, which Dragonfly's own circuit always is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from dsl.actions import CIRCUIT_MOVED
from dsl.health.breakers import BreakerBook
from integrations.dragonfly.circuit_moves import CircuitMove, CircuitMoves
from integrations.dragonfly.circuits import CircuitReport, Circuits
from integrations.errors import IntegrationError
from integrations.ledger.entries import Draft
from integrations.ledger.errors import IdempotencyMismatchError
from integrations.ledger.ledger import Ledger

LOOK_EVERY_S: Final = 1.0
FROM_THE_FIRST: Final = "-"

logger = logging.getLogger(__name__)


class CircuitRecords:
    """Carries moves to the ledger, and orders from it."""

    def __init__(
        self, ledger: Ledger, circuits: Circuits, moves: CircuitMoves, book: BreakerBook
    ) -> None:
        self._ledger = ledger
        self._circuits = circuits
        self._moves = moves
        self._book = book
        self._place = FROM_THE_FIRST
        self._is_away = False

    async def keep(self) -> None:
        """Look once a second until cancelled (3)."""
        while True:
            try:
                await self.tell_orders()
                await self.record_moves()
            except IntegrationError as error:
                if not self._is_away:
                    logger.warning("circuits and the ledger wait for each other: %s", error)
                self._is_away = True
            else:
                self._is_away = False
            await asyncio.sleep(LOOK_EVERY_S)

    async def tell_orders(self) -> None:
        """Tell the store of every order that it does not know (2).

        Raises:
            UnavailableError: it does not answer, or the ledger's writer is gone.
        """
        orders = self._ledger.orders()
        if not orders:
            return
        asked = [CircuitReport(each.circuit, self._book.of(each.circuit)) for each in orders]
        readings = await self._circuits.report(asked)
        for order, reading in zip(orders, readings, strict=True):
            if reading.order < order.given_ms:
                about = (order.circuit, self._book.of(order.circuit))
                await self._circuits.obey(*about, order.order, order.given_ms)
                logger.warning("circuit %s was told again: %s", order.circuit, order.order)

    async def record_moves(self) -> None:
        """Record what has moved since this was last done (1).

        Raises:
            UnavailableError: the store does not answer, or the ledger cannot be written to.
        """
        while True:
            place, moves = await self._moves.after(self._place)
            if place == self._place:
                return
            if moves:
                await self._record(list(_drafts(moves)))
            self._place = place  # not before: what is not on the ledger is read again

    async def _record(self, drafts: list[Draft]) -> None:
        try:
            await self._ledger.append(drafts)
        except IdempotencyMismatchError:
            for draft in drafts:
                try:
                    await self._ledger.append([draft])
                except IdempotencyMismatchError:
                    logger.warning("%s stands on the ledger in other words", draft.key)


def _drafts(moves: Iterable[CircuitMove]) -> Iterable[Draft]:
    for move in moves:
        yield Draft.of_no_run(
            f"circuit/{move.circuit}/{move.generation}",  # (1) recorded once
            CIRCUIT_MOVED,
            {
                "circuit": move.circuit,
                "was": move.was.value,
                "now": move.now.value,
                "why": move.why,
                "at_ms": move.at_ms,
            },
        )
