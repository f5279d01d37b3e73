"""What a run, and an agent's own workflow, are told to stop an agent by.

1. An agent's workflow takes ``{"reason", "epoch"}``; the epoch is that of a revocation, or 0.
2. A run takes ``{"stage"}`` or ``{"agent"}``, with ``"reason"`` and perhaps ``"proof"``.

Raw, as every message (docs/adr/0003): what cannot be read is a ``MessageError`` for its sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import Field, ValidationError

from dsl.core import Value
from dsl.limits import NAME_LENGTH_MAX, REASON_LENGTH_MAX
from dsl.rules.proofs.proof import PROOF_LENGTH_MAX
from dsl.values.canonical import INTEGER_MAX
from dsl.values.model_faults import fault_of
from workflows.messages.inputs import MessageError, decode

STOP_EXAMPLE: Final = '{"reason": "it deletes what it should read", "epoch": 0}'
REVOKE_EXAMPLE: Final = '{"stage": "review", "reason": "it deletes what it should read"}'


class StopOrder(Value):
    """Stop, and why (1)."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"\S")
    epoch: int = Field(default=0, ge=0, le=INTEGER_MAX, strict=True)


class RevokeMessage(Value):
    """Which agent of a run is to be stopped, and why (2)."""

    stage: str = Field(default="", max_length=NAME_LENGTH_MAX * 16)
    agent: str = Field(default="", max_length=NAME_LENGTH_MAX * 16)
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"\S")
    proof: str = Field(default="", max_length=PROOF_LENGTH_MAX)


Message = TypeVar("Message", StopOrder, RevokeMessage)


def read_stop(args: Sequence[Any]) -> StopOrder:
    """Return what an agent's workflow is told.

    Raises:
        MessageError: it cannot be read.
    """
    return _read(StopOrder, args, STOP_EXAMPLE)


def read_revoke(args: Sequence[Any]) -> RevokeMessage:
    """Return what a run is told.

    Raises:
        MessageError: it cannot be read.
    """
    message = _read(RevokeMessage, args, REVOKE_EXAMPLE)
    if bool(message.stage) == bool(message.agent):
        raise MessageError(f"expected one of stage and agent: {REVOKE_EXAMPLE}")
    return message


def _read(kind: type[Message], args: Sequence[Any], example: str) -> Message:
    try:
        return kind.model_validate(decode(args))
    except ValidationError as error:
        raise MessageError(f"{fault_of(error)}; expected {example}") from None
