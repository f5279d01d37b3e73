"""What a stage tells its run of a circuit that it waits for. It is shown, and decides nothing.

Raw, as every message (docs/adr/0003): what cannot be read is a ``MessageError``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import Field, ValidationError

from dsl.core import Value
from dsl.limits import MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX
from dsl.values.model_faults import fault_of
from workflows.messages.inputs import MessageError, decode

CIRCUIT_SIGNAL: Final = "circuit"


class CircuitMessage(Value):
    """Which stage waits, and the words for what; none: it goes on."""

    stage: str = Field(min_length=1, max_length=NAME_LENGTH_MAX * 16)
    waits_for: str = Field(max_length=MESSAGE_LENGTH_MAX)


def read_circuit(args: Sequence[Any]) -> CircuitMessage:
    """Return what a run is told.

    Raises:
        MessageError: it cannot be read.
    """
    try:
        return CircuitMessage.model_validate(decode(args))
    except ValidationError as error:
        raise MessageError(fault_of(error)) from None
