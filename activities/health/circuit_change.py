"""``circuit.change``: what a person has ordered of a circuit, done where all processes see it.

1. Only the workflow that has put the order on record asks for it, see ``workflows.circuit``.
2. The order carries when it was given, so a repeated attempt changes nothing more, and an older
   order undoes no later one. Dragonfly away: it is tried again until it answers.
"""

from __future__ import annotations

from typing import Final

from temporalio import activity

from activities.contracts.circuit_specs import (
    CIRCUIT_WORKFLOW,
    CircuitChange,
    CircuitChanged,
    change,
)
from activities.runtime.boundary import governed
from dsl.health.breakers import BreakerBook
from dsl.template_folders import TemplateFolders
from integrations.dragonfly.circuits import Circuits
from integrations.errors import DeniedError
from integrations.health.known_circuits import known_circuits, require_circuit

CHANGE_LIMIT_S: Final = 8.0


class CircuitChanging:
    """Changes circuits in the store."""

    def __init__(self, circuits: Circuits, book: BreakerBook, folders: TemplateFolders) -> None:
        self._circuits = circuits
        self._book = book
        self._folders = folders

    @activity.defn(name=change.name)
    @governed
    async def change(self, request: CircuitChange) -> CircuitChanged:
        """Pass the order on; return what was and what is."""
        if activity.info().workflow_type != CIRCUIT_WORKFLOW:  # (1) put on record before
            raise DeniedError(f"{change.name} is asked for by {CIRCUIT_WORKFLOW} alone")
        known = known_circuits(self._book, self._folders)
        require_circuit(request.circuit, tuple({*known, *await self._circuits.names()}))
        about = (request.circuit, self._book.of(request.circuit))
        found = await self._circuits.obey(
            *about, request.order, request.given_ms, limit_s=CHANGE_LIMIT_S
        )
        return CircuitChanged(was=found.was or found.state, now=found.state)
