"""The wire to a tool server at an address: MCP's streamable HTTP, as far as calls need it.

1. Each message is a POST. Its answer is one JSON document, or a stream of events in which the
   answer comes; when it has come nothing more is read.
2. An answer that sends us elsewhere is refused, and so is one that asks for a login: nobody is here
   who could.
3. What it says is bounded: a message as a line of a program is, and all of one exchange.
4. What it is handed goes into the headers of requests, and what it says of it is redacted before it
   is cut.
5. A session that it has begun it is told the end of; whether it hears that means nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

from dsl.limits import AGENT_LINE_BYTES_MAX, TOOL_LIST_BYTES_MAX
from integrations.redaction import Redactor
from integrations.tools import wire
from integrations.tools.http1 import HttpConnection, HttpError, HttpReply
from integrations.tools.session import taken
from integrations.tools.wire import Refusal, ToolServerError

GOODBYE_S: Final = 2.0
_SESSION_ID: Final = re.compile(r"[\x21-\x7e]{1,256}")
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_SAID_BYTES_MAX: Final = 4 << 10
_SAID_MAX: Final = 200  # characters of what it says beside a status
_JSON, _EVENTS = "application/json", "text/event-stream"
_TAKEN: Final = range(200, 300)
_ELSEWHERE: Final = range(300, 400)
_LOGIN: Final = (401, 403)
_LOST: Final = 404


class HttpWire:
    """Speaks to one server; ``headers`` hold what it is handed (4)."""

    def __init__(
        self, url: str, headers: Mapping[str, str], redact: Redactor, ca: str | None = None
    ) -> None:
        self._url, self._ca = url, ca
        self._headers = dict(headers)
        self._redact = redact
        self._connection = HttpConnection(url, ca)
        self._session = ""
        self._heard = 0  # bytes

    async def ask(
        self, number: int, method: str, params: Mapping[str, Any]
    ) -> dict[str, Any] | Refusal:
        """See ``ToolWire``."""
        try:
            reply = await self._post(self._connection, wire.request(number, method, params))
            return await self._answer(reply, number)
        except HttpError as error:
            raise ToolServerError(str(error)) from None

    async def notify(self, method: str) -> None:
        """See ``ToolWire``."""
        try:
            reply = await self._post(self._connection, wire.notice(method))
            await self._whole(reply)
            await self._require_taken(reply, b"")
        except HttpError as error:
            raise ToolServerError(str(error)) from None

    def greeted(self, answer: Mapping[str, Any]) -> None:
        """See ``ToolWire``."""
        version = answer.get("protocolVersion")
        if isinstance(version, str) and _VERSION.fullmatch(version):
            self._headers["MCP-Protocol-Version"] = version

    def renew(self) -> None:
        """See ``ToolWire``."""
        self._heard = 0

    def last_words(self) -> str:
        """See ``ToolWire``."""
        return ""

    async def end(self) -> None:
        """Say that the session is over (5), and let go of the connection."""
        try:
            if self._session:
                with suppress(HttpError, TimeoutError):
                    async with asyncio.timeout(GOODBYE_S):
                        reply = await self._connection.request("DELETE", self._headers)
                        await self._whole(reply)
        finally:
            self._connection.close()

    async def _post(self, connection: HttpConnection, message: bytes) -> HttpReply:
        said = {"Content-Type": _JSON, "Accept": f"{_JSON}, {_EVENTS}"}
        return await connection.request("POST", {**self._headers, **said}, message)

    async def _answer(self, reply: HttpReply, number: int) -> dict[str, Any] | Refusal:
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if reply.status in _TAKEN and kind == _EVENTS:
            self._begin_session(reply)
            return await self._from_events(reply, number)
        body = await self._whole(reply)
        if kind == _JSON and reply.status not in _ELSEWHERE:
            found = taken(body, number, self._redact)
            if isinstance(found, Refusal) or (found and reply.status in _TAKEN):
                self._begin_session(reply)
                if not isinstance(found, wire.Asked):
                    return found
        await self._require_taken(reply, body)
        raise ToolServerError(f"it answers with {kind or 'nothing'}, and not to what it was asked")

    def _begin_session(self, reply: HttpReply) -> None:
        found = reply.headers.get("mcp-session-id")
        if found is None or self._session:
            return
        if not _SESSION_ID.fullmatch(found):
            raise ToolServerError("it begins a session under an id that is none")
        self._session = self._headers["Mcp-Session-Id"] = found

    async def _from_events(self, reply: HttpReply, number: int) -> dict[str, Any] | Refusal:
        try:
            async for data in _events(self._pieces(reply)):
                found = taken(data, number, self._redact)
                if isinstance(found, wire.Asked):
                    await self._tell(found.reply)
                elif found is not None:
                    return found  # (1) nothing more is read
        finally:
            await reply.body.aclose()  # type: ignore[attr-defined]  # a generator
        raise ToolServerError("its stream has ended without an answer")

    async def _tell(self, message: bytes) -> None:
        """Answer what it asks, while its stream goes on."""
        beside = HttpConnection(self._url, self._ca)
        try:
            await self._whole(await self._post(beside, message))
        finally:
            beside.close()

    async def _whole(self, reply: HttpReply) -> bytes:
        body = bytearray()
        async for piece in self._pieces(reply):
            body += piece
            if len(body) > AGENT_LINE_BYTES_MAX:  # (3) bounded
                raise ToolServerError("a message of it is longer than 1 MiB")
        return bytes(body)

    async def _pieces(self, reply: HttpReply) -> AsyncIterator[bytes]:
        async for piece in reply.body:
            self._heard += len(piece)
            if self._heard > TOOL_LIST_BYTES_MAX:  # (3) bounded
                raise ToolServerError(f"it says more than {TOOL_LIST_BYTES_MAX >> 20} MiB")
            yield piece

    async def _require_taken(self, reply: HttpReply, body: bytes) -> None:
        status = reply.status
        if status in _TAKEN:
            return
        if status in _ELSEWHERE:  # (2) nothing is followed
            raise ToolServerError(f"it sends us elsewhere ({status}): declare where it is")
        if status in _LOGIN:
            raise ToolServerError(
                f"it wants a login ({status}), and nobody is here who could: hand it a secret that "
                "is good by itself"
            )
        if status == _LOST and self._session:
            raise ToolServerError("it has lost the session that it had begun")
        whole = self._redact.text(body[:_SAID_BYTES_MAX].decode(errors="replace"))
        said = " ".join(self._redact.cut_end(whole).split())[:_SAID_MAX]
        raise ToolServerError(f"it answers with status {status}{f': {said}' if said else ''}")


async def _events(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the data of each event."""
    unread, data = bytearray(), bytearray()
    async for piece in pieces:
        unread += piece
        *lines, unread = unread.split(b"\n")
        for line in (each.removesuffix(b"\r") for each in lines):
            if not line and data:
                yield bytes(data)
                data.clear()
            elif line.startswith(b"data:"):
                data += line[5:].removeprefix(b" ") + b"\n"
        if len(unread) + len(data) > AGENT_LINE_BYTES_MAX:  # (3) bounded
            raise ToolServerError("a message of it is longer than 1 MiB")
