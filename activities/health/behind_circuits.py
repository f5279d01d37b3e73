"""A phase begins when the circuits of what it needs let it through.

Which those are says ``dsl.rules.health.circuits``.

1. It is refused before it has done anything, with a failure that says how long: that is no try of
   the agent, and the workflow waits where people see it.
2. Under way nothing is refused any more: what has begun is ended in order, and only watched.
3. What a template names as its outside thing fails when its program ends with "try again later",
   and is well when the program delivers. What else an agent fails at says nothing of it.
4. Where somebody else's worker does the work, circuits are asked before it is begun; when its
   answer is taken it is done, and only what nobody can do without then is asked again. What the
   answer says of the outside thing is its probe where it is half-open: before, there was no call
   to watch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import wraps
from typing import Any, Protocol, TypeVar

from activities.contracts import messages
from dsl.core import AgentPhase
from dsl.rules.health.breaker import Outcome
from dsl.rules.health.circuits import circuits_before
from integrations.agents.contract.protocol import TEMPFAIL, AgentError
from integrations.agents.programs.catalogue import Programs
from integrations.health.breakers import Breakers

P = TypeVar("P", bound=Any)  # the class of a phase, which has equipment
R = TypeVar("R")


class Watchful(Protocol):
    """What is needed of a worker's equipment."""

    @property
    def breakers(self) -> Breakers:
        """Its circuits."""

    @property
    def programs(self) -> Programs:
        """Its templates."""


Phase = Callable[[P, messages.PhaseRequest], Awaitable[messages.PhaseResult]]


def behind_circuits(phase: AgentPhase) -> Callable[[Phase[P]], Phase[P]]:
    """Have a phase wait for what it needs (1)."""

    def outer(function: Phase[P]) -> Phase[P]:
        @wraps(function)
        async def inner(self: P, request: messages.PhaseRequest) -> messages.PhaseResult:
            async with let_through(self._equipment, request, phase):
                return await function(self, request)

        return inner

    return outer


def let_through(
    equipment: Watchful, request: messages.PhaseRequest, phase: AgentPhase
) -> AbstractAsyncContextManager[None]:
    """Let the work of a phase begin, or that of somebody else's worker for it (1) (4).

    Raises:
        CircuitOpenError: one of the circuits holds it back, once it is entered.
    """
    step = request.step
    is_done = request.heard is not None  # by somebody else's worker
    asks_outside = phase is AgentPhase.EXECUTE and not is_done
    outside = outside_of(equipment, request) if asks_outside else None
    needed = circuits_before(
        phase,
        tier=step.tier,
        runs_program=phase in step.phases,
        reads_secrets=bool(step.secrets),
        is_done=is_done,
        outside=(outside,) if outside else (),
    )
    return equipment.breakers.let_through(needed)


def outside_of(equipment: Watchful, request: messages.PhaseRequest) -> str | None:
    """Return what the template of the stage names as its outside thing."""
    return equipment.programs.template(request.step.template).template.outside


async def watched_outside(
    equipment: Watchful, request: messages.PhaseRequest, work: Awaitable[R]
) -> R:
    """Do the work of a program, and note what that says of its outside thing (3)."""
    outside = outside_of(equipment, request)
    if outside is None:
        return await work
    is_done = request.heard is not None
    # (4) before, there was no call to watch
    async with equipment.breakers.as_probe(outside) if is_done else nullcontext():
        try:
            done = await work
        except AgentError as error:
            if error.kind == TEMPFAIL:
                equipment.breakers.of(outside).note(Outcome(failed=True))
            raise
        equipment.breakers.of(outside).note(Outcome())
        return done
