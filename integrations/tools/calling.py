"""One call, made: what was given is what is sent, to the tool that somebody has looked at.

1. What is sent is the call that was given. That it is the one that was decided on is for who gives
   it to see, ``activities.tools.calling``: by its digest with the seals in it, each of which is
   the digest of what it stands for.
2. The server's list is asked for in the same session, and the tool is compared with its pin: what
   was changed since it was read is not called.
3. Until the request is written nothing can have happened. From then on an outcome that did not come
   is unknown: it is told apart, and nobody may take it for a call that was not made.
4. An answer is text. It is redacted, and one that is larger than ``TOOL_ANSWER_BYTES_MAX`` is left
   out, which its sentence says: the call was made all the same.
5. Fields that its operator names are left out of it here, where it is heard first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from dsl.limits import TOOL_ANSWER_BYTES_MAX
from dsl.rules.tools.calls import ToolCall
from dsl.rules.tools.hidden import without_fields, write_answer
from dsl.tools.servers import KnownServer, ToolServer
from integrations.errors import DeniedError
from integrations.tools.listing import ListedTool, compare
from integrations.tools.serving import Surroundings, serving
from integrations.tools.session import ToolSession

_BESIDE: Final = {"image": "an image", "audio": "a sound", "resource_link": "a link"}

# Lends a server, for one exchange of so many seconds, with what it lists now (2).
Lend = Callable[
    [ToolServer, Mapping[str, str] | None, float],
    AbstractAsyncContextManager[tuple[ToolSession, list[ListedTool]]],
]


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What a server has answered; ``ok`` is its own word."""

    ok: bool
    text: str
    left_out: int = 0  # bytes of an answer that was too large (4)


async def make_call(
    call: ToolCall,
    known: KnownServer,
    around: Surroundings,
    *,
    environment: Mapping[str, str] | None = None,
    lend: Lend | None = None,
    sends: Callable[[], None] | None = None,
) -> CallAnswer:
    """Make ``call`` (1).

    ``environment`` holds what the server is handed for this call; its values come back in nothing.
    ``lend`` has a server that is up already, perhaps; without it one is started for this call.
    ``sends`` hears that the request is about to be written (3).

    Raises:
        DeniedError: it was not made: it is for another server, or the tool is another by now.
        ToolServerError: it was not made, for its server did not come so far.
        OutcomeUnknownError: it may have been made (3).
        UnavailableError: this machine starts no process now.
    """
    if call.server != known.server.name:
        raise DeniedError(f"call {call.name} is not for tool server {known.server.name!r}")
    timeout_s = known.server.timeout_of(call.tool) / 1000
    lends = lend or _alone(around)
    async with lends(known.server, environment, timeout_s) as (session, listed):
        _require_pinned(call, listed, known.digests)  # (2) what somebody has looked at
        if sends is not None:
            sends()
        hidden = known.server.hidden_of(call.tool)
        return await _answered(session, call, timeout_s, hidden)


def _alone(around: Surroundings) -> Lend:
    @asynccontextmanager
    async def lend(
        server: ToolServer, environment: Mapping[str, str] | None, alive_s: float
    ) -> AsyncIterator[tuple[ToolSession, list[ListedTool]]]:
        async with serving(server, around, environment=environment, alive_s=alive_s) as session:
            yield session, await session.tools()

    return lend


def _require_pinned(call: ToolCall, listed: list[ListedTool], pins: Mapping[str, str]) -> None:
    found = {each.tool: each for each in compare(listed, pins)}.get(call.tool)
    if found is None:
        raise DeniedError(f"call {call.name}: its server lists no such tool")
    if not found.is_pinned:
        why = f" ({found.why})" if found.why else ""
        raise DeniedError(
            f"call {call.name}: the tool is {found.state}, and nobody has looked at it so{why}: "
            f"mandate tools check {call.server} --pin"
        )


async def _answered(
    session: ToolSession, call: ToolCall, timeout_s: float, hidden: Sequence[str]
) -> CallAnswer:
    answer = await session.call(call.tool, call.arguments, timeout_s)
    if isinstance(answer, str):  # the server refuses the request
        return CallAnswer(ok=False, text=without_fields(answer, hidden))
    text = session.redact.text(_text_of(answer, hidden))  # (5) before anybody keeps it
    size = len(text.encode(errors="replace"))
    if size > TOOL_ANSWER_BYTES_MAX:  # (4) the call was made all the same
        said = (
            f"the call was made, and its answer of {size} bytes is beyond {TOOL_ANSWER_BYTES_MAX}"
        )
        return CallAnswer(ok=answer.get("isError") is not True, text=said, left_out=size)
    return CallAnswer(ok=answer.get("isError") is not True, text=text)


def _text_of(answer: Mapping[str, Any], hidden: Sequence[str]) -> str:
    """Return an answer as text; of what is none its kind is told. ``hidden`` is left out of it."""
    content = answer.get("content")
    parts = [_part(each) for each in content] if isinstance(content, list) else []
    structured = answer.get("structuredContent")
    if not parts and isinstance(structured, dict):
        # For people and models: what has no canonical form is an answer all the same.
        parts = [write_answer(structured)]
    return "\n".join(without_fields(each, hidden) for each in parts)


def _part(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        return str(block.get("text", ""))
    if kind == "resource" and isinstance(block.get("resource"), dict):
        return str(block["resource"].get("text", "[bytes]"))
    return f"[{_BESIDE.get(str(kind), 'something that is no text')}]"
