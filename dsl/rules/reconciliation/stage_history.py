"""A history of an agent's stage, and what it says of that: whose, which step, which phases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dsl.core import AgentPhase
from dsl.rules.reconciliation.history import History, HistoryCall

AGENT: Final = "Agent"  # the workflow type of a stage
_PHASES: Final = {f"agent.{phase.lower()}": phase for phase in AgentPhase}


def stages(histories: Iterable[History]) -> Iterator[History]:
    """Yield the runs of agent stages."""
    return (history for history in histories if history.type == AGENT)


def agent_of(history: History) -> str:
    """Return the identity that a stage runs; empty where that cannot be read."""
    request = history.request
    return str(request.get("agent", "")) if isinstance(request, Mapping) else ""


def step_of(history: History) -> Mapping[str, Any]:
    """Return the step of the plan that a stage runs."""
    request = history.request
    step = request.get("step") if isinstance(request, Mapping) else None
    return step if isinstance(step, Mapping) else {}


def phases(history: History) -> Iterator[tuple[AgentPhase, HistoryCall]]:
    """Yield the phases of a stage in the order in which they were asked for."""
    for call in history.activities:
        phase = _PHASES.get(call.type)
        if phase is not None:
            yield phase, call
