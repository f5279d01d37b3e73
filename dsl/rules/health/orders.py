"""Who may give an order about a circuit: no claim lets go what a proven person holds.

1. A claimed name is enough to hold a circuit open, and to let go what was held by one. That gives
   nobody anything, and who may start an order may end runs as well.
2. While a circuit is held open by the word of a proven person, no claim changes that: neither by
   letting go, nor by an order that a later claim would let go. A proven word does, whose it may be.
   It counts from when it is on record, though it may take until a store is back to carry it out.
3. A circuit that is forced closed is left as it is by nobody's claim: it holds nothing back.
"""

from __future__ import annotations

from dsl.rules.health.breaker import CircuitOrder


def holds_open(order: CircuitOrder, *, is_proven: bool) -> bool:
    """Tell whether an order holds a circuit open against claims (2)."""
    return order is CircuitOrder.OPEN and is_proven


def refusal_of(circuit: str, order: CircuitOrder, by: str, *, is_proven: bool) -> str:
    """Return why a claim about a circuit is not taken where that order holds; empty: it is."""
    if not holds_open(order, is_proven=is_proven):
        return ""  # (1) (3) nothing is held by a proof
    return (
        f"circuit {circuit!r} is held open by {by}, whose word was proven: expected the word of "
        "somebody who is logged in, got a claimed name: `mandate login NAME` first"
    )  # (2) no claim lets it go
