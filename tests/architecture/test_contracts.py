"""What workflows may ask for is answered by the worker of its queue, in the messages it names.

An activity, a message or a registration is written down once; whoever forgets one of the others
that belong to it, or writes it differently, is told here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest
from temporalio import activity

from activities import contracts
from activities.contracts import (
    anchor_specs,
    circuit_specs,
    messages,
    specs,
    tool_specs,
    trust_specs,
)
from activities.contracts.notify.specs import QUEUE_NOTIFY, NotificationRequest
from activities.contracts.question_specs import Posed
from activities.contracts.resumption import CheckpointRef, Erred, SpentUntil, Violated
from activities.workers.duties import HighTierDuties, WorkflowDuties
from activities.workers.ledger_duties import LedgerDuties
from activities.workers.notify_duties import NotifyDuties
from activities.workers.trust_duties import TrustDuties
from dsl.core import Value
from dsl.rules.reconciliation.forged import OURS
from integrations.settings import read_settings

Served = dict[str, dict[str, Callable[..., Any]]]

LOCAL = {specs.COMPILE, specs.POLICY, trust_specs.NONCE}  # called by name, in the own worker
# What crosses the boundary otherwise: to a child workflow and back, in a failure's details, and as
# the answer to a query.
OTHERS = (
    *(messages.AgentRequest, messages.AgentReport, messages.CompileRequest),
    *(messages.CompileResult, Violated, CheckpointRef, Posed),
    *(circuit_specs.CircuitOpen, Erred, SpentUntil),
    *(anchor_specs.AnchorHeld, anchor_specs.AnchorNote, NotificationRequest),
    *(tool_specs.CallMessage, tool_specs.ChainHead),
)
# The phases and what goes with them run where the stage runs; the rest in one place.
WITH_PHASES = {
    *(spec.name for spec in specs.PHASES.values()),
    *(trust_specs.confirm_processes.name, circuit_specs.look.name, tool_specs.call.name),
}
# What runs ask for most: answered by their own worker as well, where it writes the ledger.
BESIDE = {specs.record.name, specs.authority.name, specs.prove.name}


def modules() -> Iterator[ModuleType]:
    for module in walk_packages(contracts.__path__, "activities.contracts."):
        yield import_module(module.name)


SPECS = {
    spec.name: spec
    for module in modules()
    for each in vars(module).values()
    for spec in (each.values() if isinstance(each, dict) else (each,))
    if isinstance(spec, specs.ActivitySpec)
}


def test_who_answers_is_looked_at_of_every_activity():
    assert [name for name in SPECS if not name.startswith(OURS)] == []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Return the activities that workers register, by queue and name; nothing is connected to."""
    data = tmp_path_factory.mktemp("data")
    settings = read_settings(
        {
            "MANDATE_LEDGER": str(data / "ledger.db"),
            "MANDATE_ARTIFACTS": str(data / "artifacts"),
            "MANDATE_VAULT_ROLES": str(data / "roles"),
        }
    )
    duties = {
        specs.QUEUE: WorkflowDuties(settings, None),
        specs.QUEUE_T3: HighTierDuties(settings, None),
        specs.QUEUE_TRUST: TrustDuties(settings),
        specs.QUEUE_LEDGER: LedgerDuties(settings),
        QUEUE_NOTIFY: NotifyDuties(settings),
    }
    return {
        queue: {name_of(function): function for function in each.activities()}
        for queue, each in duties.items()
    }


def name_of(function: Callable[..., Any]) -> str:
    return activity._Definition.must_from_callable(function).name or ""


def test_what_may_be_asked_is_served_on_its_queue_and_nowhere_else(served: Served):
    where = {name: {queue for queue in served if name in served[queue]} for name in SPECS}
    expected = {
        name: {specs.QUEUE, specs.QUEUE_T3} if name in WITH_PHASES else {spec.queue or specs.QUEUE}
        for name, spec in SPECS.items()
    } | {name: {specs.QUEUE, specs.QUEUE_LEDGER} for name in BESIDE}

    assert len(SPECS) > 30
    assert where == expected


def test_nothing_is_served_that_nobody_may_ask_for(served: Served):
    assert {name for each in served.values() for name in each} - set(SPECS) == LOCAL


def test_what_is_served_takes_and_returns_what_the_contract_says(served: Served):
    said = {}
    for functions in served.values():
        for name in functions.keys() & SPECS.keys():
            hints = get_type_hints(functions[name])
            answer = hints.pop("return")
            said[name] = (*hints.values(), answer)

    assert said == {name: (spec.input, spec.output) for name, spec in SPECS.items()}


def add_inside(kind: Any, found: set[type[Value]]) -> None:
    """Add the messages that one of that type holds, itself included."""
    for argument in get_args(kind):
        add_inside(argument, found)
    if isinstance(kind, type) and issubclass(kind, Value) and kind not in found:
        found.add(kind)
        for field in kind.model_fields.values():
            add_inside(field.annotation, found)


def test_every_message_is_said_by_somebody():
    said: set[type[Value]] = set()
    for kind in (*OTHERS, *(each for s in SPECS.values() for each in (s.input, s.output))):
        add_inside(kind, said)
    defined = {
        each
        for module in modules()
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Value) and each.__module__ == module.__name__
    }

    assert sorted(each.__name__ for each in defined - said) == []
