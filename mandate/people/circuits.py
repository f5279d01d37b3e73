"""The circuit breakers as all processes share them, and whose orders hold.

1. Of Dragonfly's own circuit that is orders only: each process counts for itself there.
2. Whose order it is says ``integrations.health.circuit_orders``, of what is forced alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.errors import DslError
from dsl.health.breakers import BreakerBook, load_breakers
from dsl.rules.health.breaker import FORCED
from dsl.template_folders import TemplateFolders
from dsl.values.circuit_names import DRAGONFLY
from integrations.dragonfly.circuits import CircuitReading, CircuitReport, Circuits
from integrations.dragonfly.client import CALL_LIMIT_S, connect
from integrations.errors import IntegrationError
from integrations.health.circuit_orders import OrderGiven, order_of
from integrations.health.known_circuits import known_circuits
from integrations.settings import read_settings
from mandate.people.errors import RefusalError, UsageError
from mandate.stack.environment import ledger_of

_SECOND_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class NamedCircuit:
    """A circuit, and how it stands."""

    name: str
    state: str
    left_ms: int
    more: str  # until when, and by whose order
    order: OrderGiven | None = None


async def circuits_now(env: Mapping[str, str]) -> list[NamedCircuit]:
    """Return every circuit.

    Raises:
        RefusalError: Dragonfly does not say, or how it is reached is set up wrongly.
    """
    book, names_known = await asyncio.to_thread(known, env)
    settings = read_settings(env)
    try:
        client = connect(settings.dragonfly_url, settings.dragonfly_password_file)
    except (IntegrationError, ValueError) as error:
        raise RefusalError("dragonfly: {}", error) from None
    circuits = Circuits(client)
    try:
        names = sorted({*names_known, *await circuits.names()})
        asked = [CircuitReport(name, book.of(name)) for name in names]
        readings = await circuits.report(asked, limit_s=CALL_LIMIT_S)
    except IntegrationError as error:
        raise RefusalError(
            "{} at {}; meanwhile each worker counts for itself",
            error,
            settings.dragonfly_url,
            typed="is `mandate up` running?",
        ) from None
    finally:
        await client.aclose()
    pairs = list(zip(names, readings, strict=True))
    return await asyncio.to_thread(lambda: [_named(ledger_of(env), *each) for each in pairs])


def known(env: Mapping[str, str]) -> tuple[BreakerBook, tuple[str, ...]]:
    """Return what a site says of circuits, and which there may be.

    Raises:
        UsageError: what it says is wrong.
    """
    settings = read_settings(env)
    try:
        book = load_breakers(settings.breakers)
    except DslError as error:
        raise UsageError("{}", error) from None
    return book, known_circuits(book, TemplateFolders(settings.templates))


def _named(ledger: Path, name: str, reading: CircuitReading) -> NamedCircuit:
    order, why = None, ""
    if reading.state in FORCED:  # (2) of what is forced alone
        order, why = order_of(ledger, name, reading.order)
    more = _more(name, reading, why)
    return NamedCircuit(name, reading.state.value, reading.left_ms, more, order)


def _more(name: str, reading: CircuitReading, why: str) -> str:
    if reading.state in FORCED:
        return f"until somebody resets it; {why}"
    if reading.left_ms > 0:
        return f"half-open in {max(1, round(reading.left_ms / _SECOND_MS))} s"
    return "each worker counts for itself" if name == DRAGONFLY else ""
