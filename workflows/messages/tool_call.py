"""A call of a tool, as the agent's workflow is told of it; what it calls is decided elsewhere.

Raw, as every message (docs/adr/0003): what cannot be read is a ``MessageError`` for its sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from activities.contracts.tool_specs import CallMessage
from dsl.values.model_faults import fault_of
from workflows.messages.inputs import MessageError, decode


def read_call(args: Sequence[Any]) -> CallMessage:
    """Return the call.

    Raises:
        MessageError: it cannot be read.
    """
    try:
        return CallMessage.model_validate(decode(args))
    except ValidationError as error:
        raise MessageError(fault_of(error)) from None
