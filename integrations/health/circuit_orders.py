"""Whose order holds a circuit, how that is known, why and since when.

1. Who has given an order, and why, is for the ledger to say, not for Dragonfly, which anybody may
   have emptied. Dragonfly tells when it was given, and by that its entry is found.
2. Where the ledger is not at hand, or has not caught up, that is said instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.actions import CIRCUIT_CHANGED, CIRCUIT_ORDERED
from dsl.rules.run.reserved import circuit_folder
from integrations.errors import IntegrationError, NotFoundError
from integrations.ledger.lookup import of_runs, under

_ORDERS_MAX: Final = 20  # the latest of a circuit, among which the one that holds is looked for
_RECORDED_MAX: Final = 10  # entries of one order


@dataclass(frozen=True, slots=True)
class OrderGiven:
    """An order that holds: whose it is, how that is known, why, and which entry says so."""

    by: str
    how: str
    reason: str
    at: str
    seq: int


def order_of(ledger: Path, name: str, given_ms: int) -> tuple[OrderGiven | None, str]:
    """Return the order of that moment, as the ledger has it (1), and that in words.

    Where the ledger does not say, the words say why (2).
    """
    try:
        order = _found(ledger, name, given_ms)
    except NotFoundError:
        return None, "who ordered it is on the ledger, which is not on this machine"
    except IntegrationError as error:
        return None, f"who ordered it is not known: {error}"
    if order is None:
        return None, "who ordered it is not on the ledger yet"
    return order, f"ordered by {order.by} ({order.how}), entry {order.seq}: {order.reason}"


def _found(ledger: Path, name: str, given_ms: int) -> OrderGiven | None:
    for done in under(ledger, circuit_folder(name), CIRCUIT_CHANGED, _ORDERS_MAX):
        if done.payload.get("given_ms") != given_ms:
            continue
        for each in of_runs(ledger, [(done.workflow_id, done.run_id)], _RECORDED_MAX):
            if each.action == CIRCUIT_ORDERED:
                by, how, reason = (str(each.payload.get(of, "")) for of in ("by", "how", "reason"))
                return OrderGiven(by, how, reason, each.ts, each.seq)
    return None
