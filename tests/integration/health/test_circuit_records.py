"""Circuits and the ledger, on a real store: moves are recorded once, orders outlive the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from activities.ledger.circuit_records import CircuitRecords
from dsl.health.breakers import BreakerBook
from dsl.rules.health.breaker import CircuitOrder, CircuitState
from dsl.rules.health.breaker_settings import BreakerSettings
from integrations.dragonfly.circuit_moves import CircuitMoves
from integrations.dragonfly.circuits import CircuitReport, Circuits
from integrations.errors import UnavailableError
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import TAIL_MAX, tail, verify
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.ledger.drafts import draft

SETTINGS = BreakerSettings(minimum_calls=2, wait_ms=60_000)
BOOK = BreakerBook({"vault": SETTINGS})
FAILED = CircuitReport("vault", SETTINGS, worker="w", number=1, calls=2, failed=2)


class Place:
    """A store and a ledger of a test's own."""

    def __init__(self, server: ValkeyProcess, folder: Path) -> None:
        self.server = server
        self.path = folder / "ledger.db"
        self.client = server.client()
        self.circuits = Circuits(self.client)
        self.ledger = Ledger(self.path)

    def records(self) -> CircuitRecords:
        return CircuitRecords(self.ledger, self.circuits, CircuitMoves(self.client), BOOK)

    def restart(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.path)

    async def order(self, what: CircuitOrder, given_ms: int) -> None:
        """Put it on the ledger, as the workflow of an order does when it was carried out."""
        payload = {"circuit": "vault", "order": what.value, "given_ms": given_ms}
        await self.ledger.append(
            [draft(given_ms, agent="-", action="circuit.changed", payload=payload)]
        )

    async def state(self) -> CircuitState:
        [reading] = await self.circuits.report([CircuitReport("vault", SETTINGS)])
        return reading.state

    def moved(self) -> list[tuple[str, str]]:
        return [
            (str(each.payload["was"]), str(each.payload["now"]))
            for each in tail(self.path, TAIL_MAX)
            if each.action == "circuit.moved"
        ]


@pytest.fixture
async def place(
    private_valkey: Callable[..., ValkeyProcess], tmp_path: Path
) -> AsyncIterator[Place]:
    found = Place(private_valkey(), tmp_path)
    yield found
    found.ledger.close()
    await found.client.aclose()


async def test_a_move_that_stands_in_other_words_keeps_no_other_off_the_ledger(place: Place):
    [opened] = await place.circuits.report([FAILED])
    key = f"circuit/vault/{opened.generation}"
    await place.ledger.append(
        [Draft.of_no_run(key, "circuit.moved", {"why": "of another release"})]
    )
    await place.circuits.alive("vault", SETTINGS, opened.generation)

    await place.records().record_moves()

    written = [each for each in tail(place.path, TAIL_MAX) if each.action == "circuit.moved"]
    assert [each.payload.get("now", "") for each in written] == ["", "half-open"]


async def test_a_move_is_recorded_once_with_why_however_often_it_is_read(place: Place):
    records = place.records()
    [opened] = await place.circuits.report([FAILED])
    await records.record_moves()
    await place.circuits.alive("vault", SETTINGS, opened.generation)
    await records.record_moves()
    place.restart()
    await place.records().record_moves()  # from the first one on

    assert place.moved() == [("closed", "open"), ("open", "half-open")]
    [first, _] = [e for e in tail(place.path, TAIL_MAX) if e.action == "circuit.moved"]
    assert first.payload["why"] == "of 2 calls 2 failed and 0 were slow"
    assert verify(place.path).problems == ()


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_order_outlives_a_store_that_was_emptied_and_every_process(place, restarted):
    await place.order(CircuitOrder.OPEN, 5)
    await place.records().tell_orders()
    assert await place.state() is CircuitState.FORCED_OPEN
    place.server.flush()
    assert await place.state() is CircuitState.CLOSED
    if restarted:
        place.restart()
    await place.records().tell_orders()

    assert await place.state() is CircuitState.FORCED_OPEN
    await place.records().record_moves()
    assert place.moved() == []  # it is no move: a person has said so


async def test_the_order_that_was_given_last_holds_also_where_an_older_one_is_told_late(place):
    await place.order(CircuitOrder.RESET, 6)
    await place.order(CircuitOrder.OPEN, 5)  # recorded later, given earlier
    await place.circuits.obey("vault", SETTINGS, CircuitOrder.OPEN, 5)  # by who has not heard of it
    await place.records().tell_orders()

    assert await place.state() is CircuitState.CLOSED


async def test_an_order_that_the_store_knows_is_not_told_again(place):
    await place.order(CircuitOrder.RESET, 5)
    await place.records().tell_orders()
    [known] = await place.circuits.report([CircuitReport("vault", SETTINGS)])
    await place.circuits.report([replace(FAILED, generation=known.generation)])
    await place.records().tell_orders()  # else it would have closed it

    assert await place.state() is CircuitState.OPEN


async def test_a_store_that_is_away_is_waited_for(place, caplog):
    await place.order(CircuitOrder.OPEN, 5)
    place.server.stop()
    with pytest.raises(UnavailableError):
        await place.records().tell_orders()
    keeping = asyncio.create_task(place.records().keep())
    place.server.start()
    async with asyncio.timeout(60):
        while await place.state() is not CircuitState.FORCED_OPEN:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)
    keeping.cancel()
