"""What the histories of an experiment name: agents, outputs, proofs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from dsl.people import GROUP_PREFIX
from dsl.plan import EscalationPlan, GateStep, Plan, walk
from dsl.rules.reconciliation.history import History, argument_of, attributes, type_of
from dsl.rules.reconciliation.stage_history import agent_of, phases, stages

COMPILE: Final = "pipeline.compile"
_MESSAGES: Final = ("WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED")


def agents_of(histories: Iterable[History]) -> set[str]:
    """Return every agent that a stage has run."""
    return {agent_of(history) for history in stages(histories)} - {""}


def digests_of(histories: Iterable[History]) -> set[str]:
    """Return the digest of everything that phases have put out."""
    return {
        str(output["digest"])
        for history in stages(histories)
        for _, call in phases(history)
        if isinstance(call.result, Mapping)
        for output in call.result.get("outputs") or ()
        if isinstance(output, Mapping) and "digest" in output
    }


def proofs_of(histories: Iterable[History]) -> set[str]:
    """Return every proof that came with a message."""
    return {
        str(said["proof"])
        for history in histories
        for event in history.events
        if type_of(event) in _MESSAGES
        for said in (message_of(event),)
        if isinstance(said, Mapping) and said.get("proof")
    }


def message_of(event: Mapping[str, Any]) -> Any:
    """Return what a signal or an update says."""
    said = attributes(event)
    if type_of(event) == "WORKFLOW_EXECUTION_SIGNALED":
        return argument_of(said.get("input"))
    asked = said.get("acceptedRequest") or {}
    return argument_of((asked.get("input") or {}).get("args"))


def message_name(event: Mapping[str, Any]) -> str:
    """Return the name of a signal or an update."""
    said = attributes(event)
    asked = said.get("acceptedRequest") or {}
    return str(said.get("signalName") or (asked.get("input") or {}).get("name") or "")


def ended_ms(history: History) -> int | None:
    """Return when a run ended; None while it is under way."""
    return history.end.at_ms if history.end is not None else None


def groups_of(histories: Iterable[History]) -> set[str]:
    """Return every group that a gate of a plan may ask."""
    return {
        name
        for history in histories
        for plan in (plan_of(history),)
        if plan is not None
        for step in walk(plan.steps)
        if isinstance(step, GateStep)
        for people in (step, step.escalate_to)
        if people is not None
        for name in _groups(people)
    }


def plan_of(history: History) -> Plan | None:
    """Return the plan that a run has pinned; None where it has none that can be read."""
    compiled = next(history.of_type(COMPILE), None)
    told = compiled.result if compiled is not None else None
    try:
        return Plan.model_validate(told["plan"]) if isinstance(told, Mapping) else None
    except (KeyError, ValidationError):
        return None


def _groups(people: GateStep | EscalationPlan) -> Iterator[str]:
    yield from (
        name.removeprefix(GROUP_PREFIX)
        for name in people.approvers
        if name.startswith(GROUP_PREFIX)
    )
    if isinstance(people, GateStep):
        yield from (group.name for group in people.groups)
