"""What workflows may ask about circuits, and what they are told of one that is open.

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from activities.contracts.specs import QUEUE_LEDGER, QUEUE_TRUST, ActivitySpec
from dsl.core import Value
from dsl.limits import BREAKER_MS_MAX, PERSON_LENGTH_MAX, REASON_LENGTH_MAX
from dsl.rules.health.breaker import CircuitOrder, CircuitState
from dsl.rules.run import reserved
from dsl.values.circuit_names import CIRCUIT_PATTERN

CIRCUIT_OPEN: Final = "CircuitOpen"  # type of the failure of what could not begin
CIRCUIT_WORKFLOW: Final = reserved.CIRCUIT
CircuitName = Annotated[str, Field(pattern=CIRCUIT_PATTERN)]


class CircuitOpen(Value):
    """Why something could not begin: which circuit, and for how long; -1: nobody can say."""

    circuit: CircuitName
    state: CircuitState
    left_ms: int = Field(default=-1, ge=-1, le=BREAKER_MS_MAX)


class CircuitRequest(Value):
    """Whose circuit is asked after."""

    circuit: CircuitName


class CircuitSeen(Value):
    """What a circuit is now."""

    state: CircuitState


class OrderStanding(Value):
    """The order that holds about a circuit, as the ledger has it; None: nobody has given one."""

    order: CircuitOrder | None = None
    by: str = Field(default="", max_length=PERSON_LENGTH_MAX)
    is_proven: bool = False


class CircuitChange(Value):
    """What a person has ordered, and when, by the clock of Temporal's server."""

    circuit: CircuitName
    order: CircuitOrder
    given_ms: int = Field(gt=0)
    reason: str = Field(default="", max_length=REASON_LENGTH_MAX)


class CircuitChanged(Value):
    """What became of it: the state before and now."""

    was: CircuitState
    now: CircuitState


look = ActivitySpec("circuit.look", CircuitRequest, CircuitSeen)
change = ActivitySpec("circuit.change", CircuitChange, CircuitChanged, queue=QUEUE_TRUST)
standing = ActivitySpec("circuit.standing", CircuitRequest, OrderStanding, queue=QUEUE_LEDGER)
