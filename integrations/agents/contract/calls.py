"""Calls of tools in the contract of agents: what an agent asks for, and the line that answers it.

1. A ``tool_call`` that has no ``id``, or no names and arguments, breaks the contract: nobody could
   answer it. What the names and arguments may be is decided where the call is.
2. A call holds no secret of the agent. What it says is redacted before anybody sees it, and a call
   that was changed so is none that it has asked for: it is denied.
3. Of a call nobody keeps the arguments as its agent has written them: an operator may have hidden
   some, and here nobody knows which. They stand on the ledger, with seals for those. So it is of a
   line that was to be a call, and is none. Such a call may have been written over several lines:
   nothing is kept from the one that may have begun it to the next message.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.agent_protocol.messages import CALL_ID_PATTERN
from dsl.limits import TOOL_PURPOSE_LENGTH_MAX
from dsl.rules.tools.journal import CallStatus
from integrations.agents.contract.protocol import broken

_ID: Final = re.compile(CALL_ID_PATTERN)
_CALL: Final = re.compile(rb"tool_?call", re.IGNORECASE)
_TOLD_ON: Final = ("id", "server", "tool", "why")  # fields of a message that are kept
NO_CALL: Final = b"[what was to be a tool_call is not kept]\n"


@dataclass(frozen=True, slots=True)
class AskedCall:
    """A call, as an agent has asked for it."""

    id: str
    server: str
    tool: str
    arguments: Mapping[str, Any]
    purpose: str = ""
    was_redacted: bool = False  # it held a secret (2)


@dataclass(frozen=True, slots=True)
class CallTold:
    """What became of it, as the agent is told."""

    status: CallStatus
    text: str

    def line(self, call_id: str, left_s: float) -> bytes:
        """Return the answer as the line an agent reads."""
        said = {
            "type": "tool_result",
            "id": call_id,
            "status": self.status.value,
            "text": self.text,
            "deadline": time.time() + left_s,
        }
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"


# Waits until the call was made, or is known not to be.
OnCall = Callable[[AskedCall], Awaitable[CallTold]]


def kept_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be kept of a ``tool_call`` message (3): names and words, no values."""
    told = {name: message.get(name) for name in _TOLD_ON}
    return {
        name: value[:TOOL_PURPOSE_LENGTH_MAX]
        for name, value in told.items()
        if isinstance(value, str)
    }


def may_be_call(line: bytes) -> bool:
    """Tell whether a line that is no message was to be a call, or part of one (3)."""
    return _CALL.search(line.replace(b"\0", b"")) is not None


def may_begin_call(line: bytes) -> bool:
    """Tell whether an object begins on a line that is no message, and is no part of another (3)."""
    return line.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").startswith(b"{")


def parse_call(message: Mapping[str, Any], *, was_redacted: bool = False) -> AskedCall:
    """Check a ``tool_call`` message.

    Raises:
        AgentError: of kind ``protocol``: nobody could answer it (1).
    """
    call_id, arguments = message.get("id"), message.get("arguments", {})
    if not isinstance(call_id, str) or _ID.fullmatch(call_id) is None:
        raise broken(f"tool_call.id must match {CALL_ID_PATTERN}, got {str(call_id)[:40]!r}")
    for name in ("server", "tool"):
        if not isinstance(message.get(name), str):
            raise broken(f"tool_call {call_id!r}: {name} must be text")
    if not isinstance(arguments, dict):
        raise broken(f"tool_call {call_id!r}: arguments must be an object: name each of them")
    purpose = message.get("why", "")
    return AskedCall(
        id=call_id,
        server=message["server"],
        tool=message["tool"],
        arguments=arguments,
        purpose=str(purpose)[:TOOL_PURPOSE_LENGTH_MAX],
        was_redacted=was_redacted,
    )
