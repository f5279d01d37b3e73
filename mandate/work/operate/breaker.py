"""``mandate breaker``: the circuits, and what a person orders of them.

1. An order is carried out by a workflow, which puts it on the ledger first, with whose word it is:
   the person's who is logged in, else the name of whoever runs this command, as claimed.
2. What is shown is what all processes share. Of Dragonfly's own circuit that is orders only: each
   process counts for itself there. What a person has forced is shown with who, and why.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowFailureError

from activities.contracts.circuit_specs import CIRCUIT_WORKFLOW
from activities.contracts.specs import QUEUE
from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.proofs.proof import CIRCUIT, reason_digest
from dsl.rules.run.reserved import circuit_id
from dsl.shown.surfaces import Terminal
from integrations.errors import NotFoundError
from integrations.health.known_circuits import require_circuit
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.people.circuits import NamedCircuit, circuits_now, known
from mandate.people.door import enter, temporal
from mandate.people.errors import UsageError, refuse_reason, words_of_cause
from mandate.people.gates.word import in_whose_word, report_of
from mandate.stack import environment
from mandate.terminal import say, say_json

_TOKEN_BYTES: Final = 8
_UNPROVEN: Final = Terminal("mandate breaker: ordered without a proof of who orders it")


def show(*, as_json: bool, data_dir: Path | None) -> int:
    """Show every circuit."""
    return enter("breaker list", _list(environment.present(data_dir), as_json=as_json))


def order(name: str, what: CircuitOrder, reason: str, *, data_dir: Path | None) -> int:
    """Have an order carried out; return 0 when it was."""
    env = environment.present(data_dir)
    return enter(f"breaker {what}", _order(env, name, what, reason))


async def _list(env: Mapping[str, str], *, as_json: bool) -> int:
    rows = await circuits_now(env)
    if as_json:
        for each in rows:
            told = {"circuit": each.name, "state": each.state, "left_ms": each.left_ms}
            say_json({**told, "order": each.order and asdict(each.order)})
    else:
        say(*_table(rows))
    return 0


def _table(rows: Sequence[NamedCircuit]) -> Iterator[Terminal]:
    table: list[tuple[Any, ...]] = [("CIRCUIT", "STATE", "")]
    table += [(each.name, each.state, each.more) for each in rows]
    yield from columns(table)


async def _order(env: Mapping[str, str], name: str, what: CircuitOrder, reason: str) -> int:
    try:
        require_circuit(name, known(env)[1])
    except NotFoundError as error:
        raise UsageError("{}", error) from None
    refuse_reason(reason)
    client = await temporal(env)
    said = {"circuit": name, "order": what.value}
    about = {**said, "reason": reason_digest(reason)}
    handle = await client.start_workflow(
        CIRCUIT_WORKFLOW,
        {**said, "reason": reason, **await in_whose_word(env, CIRCUIT, about, _UNPROVEN)},
        id=circuit_id(name, secrets.token_hex(_TOKEN_BYTES)),
        task_queue=QUEUE,
    )
    try:
        report = await report_of(handle)
    except WorkflowFailureError as failure:
        say(Terminal.of("refused: {}", words_of_cause(failure.cause)))
        return EXIT_FAILED
    was, now, by, how = (report.get(each) for each in ("was", "now", "by", "how"))
    ledger = Terminal.listed(report.get("ledger") or (), " to ")
    say(Terminal.of("circuit {} is {}; it was {}", name, now, was))
    say(Terminal.of("by {} ({}), ledger entries {}", by, how, ledger))
    return 0
