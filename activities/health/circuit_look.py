"""``circuit.look``: may something begin now that an open circuit held back?

1. While it may not, it fails and is tried again a second later, for as long as it takes: that is
   no event in history, takes no place in a worker meanwhile, and is seen in the Web UI with the
   reason.
2. It lets nothing through itself: what it was asked for has to ask again, and may be refused
   again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio import activity

from activities.contracts.circuit_specs import (
    CIRCUIT_OPEN,
    CircuitRequest,
    CircuitSeen,
    look,
)
from activities.contracts.meant import MeantError
from activities.runtime.boundary import governed
from integrations.errors import CircuitOpenError
from integrations.health.breakers import Breakers

LOOK_EVERY: Final = timedelta(seconds=1)


class CircuitLook:
    """Looks at a circuit as this worker knows it."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers

    @activity.defn(name=look.name)
    @governed
    async def run(self, request: CircuitRequest) -> CircuitSeen:
        """Return when something may begin."""
        try:
            await self._breakers.look(request.circuit)
        except CircuitOpenError as error:
            raise MeantError(  # (1) tried again a second later
                str(error), type=CIRCUIT_OPEN, non_retryable=False, next_retry_delay=LOOK_EVERY
            ) from None
        return CircuitSeen(state=self._breakers.of(request.circuit).state)
