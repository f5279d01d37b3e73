"""``mandate breaker``: the circuits, and what a person orders of them.

1. An order is carried out by a workflow, which puts it on the ledger first, with whose word it is:
   the person's who is logged in, else the name of whoever runs this command, as claimed.
2. What is shown is what all processes share. Of Dragonfly's own circuit that is orders only: each
   process counts for itself there.
"""

from __future__ import annotations

import asyncio
import getpass
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError

from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
from activities.contracts.specs import QUEUE
from dsl.errors import DslError
from dsl.health.breakers import BreakerBook, load_breakers
from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.proofs.proof import CIRCUIT, reason_digest
from dsl.rules.run.reserved import circuit_id
from dsl.shown.surfaces import Terminal
from dsl.template_folders import TemplateFolders
from dsl.values.circuit_names import DRAGONFLY
from integrations.dragonfly.circuits import CircuitReading, CircuitReport, Circuits
from integrations.dragonfly.client import CALL_LIMIT_S, connect
from integrations.errors import IntegrationError, NotFoundError
from integrations.health.known_circuits import known_circuits, require_circuit
from integrations.settings import read_settings
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, UsageError
from mandate.people.gates.statements import sign
from mandate.people.login.session import kept, session
from mandate.stack import environment
from mandate.terminal import note, say, say_json

ANSWER: Final = timedelta(seconds=60)
_TOKEN_BYTES: Final = 8
_SECOND_MS: Final = 1_000


def show(*, as_json: bool, data_dir: Path | None) -> int:
    """Show every circuit."""
    return enter("breaker list", _list(environment.present(data_dir), as_json=as_json))


def order(name: str, what: CircuitOrder, reason: str, *, data_dir: Path | None) -> int:
    """Have an order carried out; return 0 when it was."""
    env = environment.present(data_dir)
    return enter(f"breaker {what}", _order(env, name, what, reason))


async def _list(env: Mapping[str, str], *, as_json: bool) -> int:
    book, known = _known(env)
    settings = read_settings(env)
    client = connect(settings.dragonfly_url, settings.dragonfly_password_file)
    circuits = Circuits(client)
    try:
        names = sorted({*known, *await circuits.names()})
        asked = [CircuitReport(name, book.of(name)) for name in names]
        readings = await circuits.report(asked, limit_s=CALL_LIMIT_S)
    except IntegrationError as error:
        raise RefusalError("{}; meanwhile each worker counts for itself", error) from None
    finally:
        await client.aclose()
    rows = list(zip(names, readings, strict=True))
    if as_json:
        for name, reading in rows:
            say_json({"circuit": name, "state": reading.state, "left_ms": reading.left_ms})
    else:
        say(*_table(rows))
    return 0


def _table(rows: Sequence[tuple[str, CircuitReading]]) -> Iterator[Terminal]:
    table: list[tuple[Any, ...]] = [("CIRCUIT", "STATE", "")]
    table += [(name, reading.state.value, _more(name, reading)) for name, reading in rows]
    yield from columns(table)


def _more(name: str, reading: CircuitReading) -> str:
    if reading.order and reading.left_ms < 0:
        return "until somebody resets it"
    if reading.left_ms > 0:
        return f"half-open in {max(1, round(reading.left_ms / _SECOND_MS))} s"
    return "each worker counts for itself" if name == DRAGONFLY else ""


async def _order(env: Mapping[str, str], name: str, what: CircuitOrder, reason: str) -> int:
    try:
        require_circuit(name, _known(env)[1])
    except NotFoundError as error:
        raise UsageError("{}", error) from None
    client = await temporal(env)
    message = {
        "circuit": name,
        "order": what.value,
        "reason": reason,
        **await _who(env, name, what, reason),
    }
    try:
        report = await _answer(client, name, message)
    except WorkflowFailureError as failure:
        say(Terminal.of("refused: {}", failure.cause))
        return EXIT_FAILED
    was, now, by, how = (report.get(each) for each in ("was", "now", "by", "how"))
    ledger = Terminal.listed(report.get("ledger") or (), " to ")
    say(Terminal.of("circuit {} is {}; it was {}", name, now, was))
    say(Terminal.of("by {} ({}), ledger entries {}", by, how, ledger))
    return 0


async def _who(
    env: Mapping[str, str], name: str, what: CircuitOrder, reason: str
) -> dict[str, str]:
    """Return whose word it is (1)."""
    about = {"circuit": name, "order": what.value, "reason": reason_digest(reason)}
    url = env.get("VAULT_ADDR", "")
    try:
        if url and kept().get(url) is not None:
            async with session(env) as who:
                return {"proof": (await sign(who, CIRCUIT, about)).word}
    except (RefusalError, IntegrationError) as error:
        note(Terminal.of("mandate breaker: ordered without a proof of who orders it: {}", error))
    return {"by": getpass.getuser()}


async def _answer(client: Client, name: str, message: Mapping[str, str]) -> dict[str, Any]:
    handle = await client.start_workflow(
        CIRCUIT_WORKFLOW,
        dict(message),
        id=circuit_id(name, secrets.token_hex(_TOKEN_BYTES)),
        task_queue=QUEUE,
    )
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            report = await handle.result()
    except TimeoutError:
        raise RefusalError(
            "no answer within {:g} s, and it goes on; see: temporal workflow describe -w {}",
            ANSWER.total_seconds(),
            handle.id,
        ) from None
    if not isinstance(report, dict):
        raise RefusalError("its report cannot be read")
    return report


def _known(env: Mapping[str, str]) -> tuple[BreakerBook, tuple[str, ...]]:
    settings = read_settings(env)
    try:
        book = load_breakers(settings.breakers)
    except DslError as error:
        raise UsageError("{}", error) from None
    return book, known_circuits(book, TemplateFolders(settings.templates))
