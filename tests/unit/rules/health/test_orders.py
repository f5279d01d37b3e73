"""What a proven person holds open no claim lets go, and nothing else is refused."""

from __future__ import annotations

from itertools import product

import pytest

from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.health.orders import refusal_of


@pytest.mark.parametrize(("order", "is_proven"), [*product(CircuitOrder, (True, False))])
def test_a_claim_is_refused_where_a_proven_person_holds_the_circuit_open(
    order: CircuitOrder, is_proven: bool
):
    why = refusal_of("vault", order, "ann", is_proven=is_proven)

    assert bool(why) == (order is CircuitOrder.OPEN and is_proven)


def test_it_is_said_whose_it_is_and_what_helps():
    why = refusal_of("vault", CircuitOrder.OPEN, "ann", is_proven=True)

    assert "held open by ann" in why
    assert "`mandate login NAME`" in why
