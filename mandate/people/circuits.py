"""The circuit breakers as all processes share them, and whose orders hold.

1. Of Dragonfly's own circuit that is orders only: each process counts for itself there.
2. Who has given an order, and why, is for the ledger to say, not for Dragonfly, which anybody may
   have emptied. Only what is forced is asked after. Where the ledger is not at hand, or has not
   caught up, that is said instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.actions import CIRCUIT_CHANGED, CIRCUIT_ORDERED
from dsl.errors import DslError
from dsl.health.breakers import BreakerBook, load_breakers
from dsl.rules.health.breaker import FORCED
from dsl.rules.run.reserved import circuit_folder
from dsl.template_folders import TemplateFolders
from dsl.values.circuit_names import DRAGONFLY
from integrations.dragonfly.circuits import CircuitReading, CircuitReport, Circuits
from integrations.dragonfly.client import CALL_LIMIT_S, connect
from integrations.errors import IntegrationError, NotFoundError
from integrations.health.known_circuits import known_circuits
from integrations.ledger.lookup import of_runs, under
from integrations.settings import read_settings
from mandate.people.errors import RefusalError, UsageError
from mandate.stack.environment import ledger_of

_SECOND_MS: Final = 1_000
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
    if reading.state in FORCED:
        try:
            order = _order_of(ledger, name, reading.order)
            why = "who ordered it is not on the ledger yet" if order is None else _said(order)
        except NotFoundError:
            why = "who ordered it is on the ledger, which is not on this machine"
        except IntegrationError as error:
            why = f"who ordered it is not known: {error}"
    more = _more(name, reading, why)
    return NamedCircuit(name, reading.state.value, reading.left_ms, more, order)


def _order_of(ledger: Path, name: str, given_ms: int) -> OrderGiven | None:
    """Return the order of that moment, as the ledger has it (2); None: it does not have it."""
    for done in under(ledger, circuit_folder(name), CIRCUIT_CHANGED, _ORDERS_MAX):
        if done.payload.get("given_ms") != given_ms:
            continue
        for each in of_runs(ledger, [(done.workflow_id, done.run_id)], _RECORDED_MAX):
            if each.action == CIRCUIT_ORDERED:
                by, how, reason = (str(each.payload.get(of, "")) for of in ("by", "how", "reason"))
                return OrderGiven(by, how, reason, each.ts, each.seq)
    return None


def _said(order: OrderGiven) -> str:
    return f"ordered by {order.by} ({order.how}), entry {order.seq}: {order.reason}"


def _more(name: str, reading: CircuitReading, why: str) -> str:
    if reading.state in FORCED:
        return f"until somebody resets it; {why}"
    if reading.left_ms > 0:
        return f"half-open in {max(1, round(reading.left_ms / _SECOND_MS))} s"
    return "each worker counts for itself" if name == DRAGONFLY else ""
