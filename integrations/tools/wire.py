"""What is said to a tool server and taken from it: MCP, as JSON-RPC, a message a line.

Only what we need of it: a greeting, the list of tools, a call. The rules:

1. A message of a server is read as every reader reads it (``dsl.values.strict_json``), and is never
   larger than a line of an agent may be.
2. An answer belongs to the one request that is under way. One to another breaks the protocol: it
   may be the answer to a call that somebody else has made.
3. What a server asks of us it does not get: no model, no question to a person, no folder. It is
   told so, and may go on.
4. Whatever else it says (progress, its log, a line that is no message) means nothing, and counts
   for what it may say in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.limits import AGENT_LINE_BYTES_MAX, JSON_WRAPPED_DEPTH_MAX
from dsl.values import strict_json
from dsl.values.canonical import canonical
from dsl.values.strict_json import JsonError
from integrations.errors import IntegrationError

PROTOCOL: Final = "2025-06-18"
_VERSION: Final = "1"  # of this client, as a greeting has it
_NOT_HERE: Final = -32601  # JSON-RPC's word for a method that is not there


class ToolServerError(IntegrationError):
    """A tool server did not do what it must; it may have done what it was asked."""


class OutcomeUnknownError(ToolServerError):
    """A call was written to a tool server, and no answer came: it may have been made."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that the server has refused, in its own words, however long."""

    message: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server asks of us (3)."""

    reply: bytes


def request(number: int, method: str, params: Mapping[str, Any]) -> bytes:
    """Return a request as the line that is sent."""
    return _line({"id": number, "method": method, "params": dict(params)})


def notice(method: str) -> bytes:
    """Return what is said and not answered."""
    return _line({"method": method})


def greeting() -> dict[str, Any]:
    """Return what is said first; we offer nothing (3)."""
    return {
        "protocolVersion": PROTOCOL,
        "capabilities": {},
        "clientInfo": {"name": "mandate", "version": _VERSION},
    }


def taken(line: bytes, number: int) -> dict[str, Any] | Refusal | Asked | None:
    """Return the answer to request ``number``, or what the server asks; None: it means nothing.

    Raises:
        ToolServerError: the server breaks the protocol.
    """
    try:
        message = strict_json.read(
            line, bytes_max=AGENT_LINE_BYTES_MAX, depth_max=JSON_WRAPPED_DEPTH_MAX
        )
    except strict_json.NotJsonError:
        return None  # (4) no message
    except JsonError as error:  # (1) every reader reads the same
        raise ToolServerError(f"a message of it cannot be read: {error}") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    if "method" in message:
        return _asked(message)
    if "id" not in message:
        return None
    if message["id"] != number or isinstance(message["id"], bool):  # (2) to another request
        raise ToolServerError(
            f"it answers request {str(message['id'])[:40]!r}, and {number} is under way"
        )
    return _answer(message)


def _answer(message: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    error = message.get("error")
    if error is not None:
        said = error.get("message") if isinstance(error, dict) else error
        return Refusal(str(said))
    result = message.get("result")
    if not isinstance(result, dict):
        raise ToolServerError("its answer is no object")
    return result


def _asked(message: Mapping[str, Any]) -> Asked | None:
    if "id" not in message:
        return None
    if not isinstance(message["id"], str | int):
        raise ToolServerError("it asks something under an id that is none")
    if message["method"] == "ping":
        return Asked(_line({"id": message["id"], "result": {}}))
    error = {"code": _NOT_HERE, "message": "not offered to tool servers"}
    return Asked(_line({"id": message["id"], "error": error}))


def _line(message: Mapping[str, Any]) -> bytes:
    return canonical({"jsonrpc": "2.0", **message}).encode() + b"\n"
