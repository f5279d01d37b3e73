"""What pages ask of the ledger, of Dragonfly and of the health manager: nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dsl.rules.trust.scorecard import Card
from integrations.errors import IntegrationError
from integrations.health.monitor import Monitor
from integrations.ledger import scores
from integrations.ledger.verify import tail
from mandate.console.pages.system import Condition, LedgerHead
from mandate.people.circuits import NamedCircuit, circuits_now
from mandate.people.errors import RefusalError
from mandate.people.standing import Next, criteria_of, next_of
from mandate.stack.environment import ledger_of


class SiteStores:
    """Reads what stands beside the runs."""

    def __init__(self, env: Mapping[str, str], monitor: Monitor) -> None:
        """Read where ``env`` says; what ``monitor`` has seen is told as it is."""
        self._env = env
        self._monitor = monitor
        self._ledger = ledger_of(env)

    async def agents(self) -> list[tuple[Card, Next]]:
        """Return every agent that the ledger knows.

        Raises:
            RefusalError: the ledger cannot be read here.
        """
        return await asyncio.to_thread(self._agents)

    async def condition(self) -> Condition:
        """Return how everything is."""
        circuits, head = await asyncio.gather(self._circuits(), asyncio.to_thread(self._head))
        return Condition(self._monitor.vitals(), *circuits, head)

    def _agents(self) -> list[tuple[Card, Next]]:
        criteria = criteria_of(self._env)
        try:
            cards = scores.cards(self._ledger)
        except IntegrationError as error:
            raise RefusalError("the ledger is not read here: {}", error) from None
        return [(card, next_of(criteria, card, verified=True)) for _, card in sorted(cards.items())]

    async def _circuits(self) -> tuple[list[NamedCircuit], str]:
        try:
            return await circuits_now(self._env), ""
        except RefusalError as error:
            return [], error.sentence  # without what is typed

    def _head(self) -> LedgerHead:
        try:
            last = tail(self._ledger, 1)
        except IntegrationError as error:
            return LedgerHead(why=str(error))
        if not last:
            return LedgerHead(why="nothing is on the ledger yet")
        entry = last[-1]
        return LedgerHead(entry.seq, entry.hash, entry.ts, entry.action)
