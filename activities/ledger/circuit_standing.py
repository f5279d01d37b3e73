"""``circuit.standing``: whose order holds about a circuit, as the ledger has it.

Dragonfly tells what holds, and anybody may have emptied it; whose word that is the ledger alone
says. It is read from the memory of its one writer, every receipt included.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts.circuit_specs import CircuitRequest, OrderStanding, standing
from activities.runtime.boundary import governed
from dsl.limits import PERSON_LENGTH_MAX
from integrations.ledger.ledger import Ledger


class CircuitStanding:
    """Says whose order holds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name=standing.name)
    @governed
    async def standing(self, request: CircuitRequest) -> OrderStanding:
        """Return the order that holds, or is about to."""
        found = self._ledger.standing(request.circuit)
        if found is None:
            return OrderStanding()
        by = found.by[:PERSON_LENGTH_MAX]
        return OrderStanding(order=found.order, by=by, is_proven=found.is_proven)
