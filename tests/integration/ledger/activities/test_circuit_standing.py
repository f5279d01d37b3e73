"""``circuit.standing``: what a proven person has ordered counts before it is carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts.circuit_specs import CircuitRequest
from activities.ledger.circuit_standing import CircuitStanding
from dsl.rules.health.breaker import CircuitOrder
from integrations.ledger.ledger import Ledger
from tests.integration.ledger.drafts import draft

ORDERED, CHANGED = "circuit.ordered", "circuit.changed"
Told = tuple[str, CircuitOrder, str, int | None]  # what, which order, how it is known, when


async def held_by(ledger: Ledger) -> str:
    request = CircuitRequest(circuit="vault")
    found = await ActivityEnvironment().run(CircuitStanding(ledger).standing, request)
    return found.by if found.is_proven and found.order is CircuitOrder.OPEN else ""


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ([(ORDERED, CircuitOrder.OPEN, "proven", 5)], "ann"),
        ([(ORDERED, CircuitOrder.OPEN, "claimed", 5)], ""),
        ([(ORDERED, CircuitOrder.RESET, "proven", 5)], ""),
        ([(ORDERED, CircuitOrder.OPEN, "proven", None)], ""),  # of a release before
        (
            [
                (ORDERED, CircuitOrder.OPEN, "proven", 5),
                (CHANGED, CircuitOrder.RESET, "claimed", 4),  # it came late
            ],
            "ann",
        ),
        (
            [
                (ORDERED, CircuitOrder.OPEN, "proven", 5),
                (ORDERED, CircuitOrder.RESET, "proven", 6),  # who knows when that is done
            ],
            "ann",
        ),
        (
            [
                (ORDERED, CircuitOrder.OPEN, "proven", 5),
                (CHANGED, CircuitOrder.RESET, "proven", 6),
            ],
            "",
        ),
        (
            [
                (CHANGED, CircuitOrder.RESET, "proven", 6),
                (ORDERED, CircuitOrder.OPEN, "proven", 5),
            ],
            "",
        ),
        (
            [
                (ORDERED, CircuitOrder.OPEN, "proven", 5),
                (CHANGED, CircuitOrder.OPEN, "proven", 5),
            ],
            "ann",
        ),
    ],
)
async def test_what_a_proven_person_has_ordered_to_be_held_open_counts_from_when_it_is_on_record(
    tmp_path: Path, told: list[Told], by: str
):
    with Ledger(tmp_path / "ledger.db") as ledger:
        for n, (action, order, how, given_ms) in enumerate(told):
            payload: dict[str, Any] = {"circuit": "vault", "order": order, "by": "ann", "how": how}
            if given_ms is not None:
                payload["given_ms"] = given_ms
            await ledger.append([draft(n, agent="-", action=action, payload=payload)])
        seen = [await held_by(ledger)]
        is_told = [each.is_done for each in ledger.orders()]
    with Ledger(tmp_path / "ledger.db") as ledger:  # as whoever comes after it reads it
        seen.append(await held_by(ledger))

    assert seen == [by, by]
    assert all(is_told)  # a store is told again of what was carried out alone
