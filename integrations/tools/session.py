"""A session with one tool server: greeted, asked for its tools, and for calls of them.

How it is spoken to is its wire's (``stdio``, ``streamable``). The rules:

1. One request is under way at a time, and has its time. A server that is silent, floods, ends or
   breaks the protocol is done with; what was asked may have been done by then.
2. No word of it is shown that holds what it was handed: words are redacted whole, then cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from dsl.limits import TOOLS_OF_SERVER_MAX
from integrations.redaction import Redactor
from integrations.tools import wire
from integrations.tools.listing import ListedTool, listed_in, refuse_list
from integrations.tools.wire import OutcomeUnknownError, Refusal, ToolServerError

START_S: Final = 60.0  # to be greeted: some load much before they listen
PAGES_MAX: Final = 100  # of a list
SHOWN_MAX: Final = 300  # characters of what it says


class ToolWire(Protocol):
    """How messages reach one server and come back."""

    async def ask(
        self, number: int, method: str, params: Mapping[str, Any]
    ) -> dict[str, Any] | Refusal:
        """Return the answer to one request.

        Raises:
            ToolServerError: there is none that can be read.
        """

    async def notify(self, method: str) -> None:
        """Say what is not answered."""

    def greeted(self, answer: Mapping[str, Any]) -> None:
        """Hear how it has greeted back."""

    def renew(self) -> None:
        """Begin another exchange: what it has said so far counts no more."""

    def last_words(self) -> str:
        """Return the end of what it has said to people, redacted; empty: nothing."""


class ToolSession:
    """A server that was greeted; ``redact`` knows what it was handed."""

    def __init__(
        self,
        name: str,
        wired: ToolWire,
        redact: Redactor,
        lives: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """``lives`` moves the end of its process, where it has one."""
        self.redact = redact
        self._name = name
        self._wire = wired
        self._lives = lives
        self._number = 0

    def lives(self, seconds: float) -> None:
        """Let it live so long from now on, for one exchange."""
        self._wire.renew()
        self._lives(seconds)

    async def greet(self) -> None:
        """Greet it.

        Raises:
            ToolServerError: it does not greet back.
        """
        try:
            answer = await self._ask("initialize", wire.greeting(), START_S)
            self._wire.greeted(_unrefused(answer, "initialize"))
            async with asyncio.timeout(START_S):
                await self._wire.notify("notifications/initialized")
        except TimeoutError:
            silent = ToolServerError(f"it does not take that it was greeted within {START_S:g} s")
            raise self._failed(silent) from None
        except ToolServerError as error:
            raise self._failed(error) from None

    async def tools(self) -> list[ListedTool]:
        """Return the tools it lists now.

        Raises:
            ToolServerError: it lists none that can be gone by.
        """
        try:
            return await self._listed()
        except ToolServerError as error:
            raise self._failed(error) from None

    async def call(
        self, tool: str, arguments: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any] | str:
        """Return the answer to a call; a text: the server refuses the request.

        Raises:
            OutcomeUnknownError: no answer came that can be read.
        """
        params = {"name": tool, "arguments": dict(arguments)}
        try:
            answer = await self._ask("tools/call", params, timeout_s)
        except ToolServerError as error:
            raise OutcomeUnknownError(str(self._failed(error))) from None
        return self._shown(answer.message) if isinstance(answer, Refusal) else answer

    async def _listed(self) -> list[ListedTool]:
        try:
            async with asyncio.timeout(START_S):  # for all pages together
                found = await self._pages()
        except TimeoutError:
            raise _late("tools/list", START_S) from None
        refuse_list(found)
        return found

    async def _pages(self) -> list[ListedTool]:
        found: list[ListedTool] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            params = {} if not cursor else {"cursor": cursor}
            answer = await self._ask("tools/list", params, START_S)
            page, cursor = listed_in(_unrefused(answer, "tools/list"))
            found += page
            if cursor is None or len(found) > TOOLS_OF_SERVER_MAX:
                return found
        raise ToolServerError(f"its list has more than {PAGES_MAX} pages")

    async def _ask(
        self, method: str, params: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any] | Refusal:
        """Return the answer to one request (1)."""
        self._number += 1
        try:
            async with asyncio.timeout(timeout_s):
                return await self._wire.ask(self._number, method, params)
        except TimeoutError:
            raise _late(method, timeout_s) from None

    def _failed(self, why: ToolServerError) -> ToolServerError:
        said = self._wire.last_words()
        last = f"; it said: {said}" if said else ""
        return ToolServerError(f"tool server {self._name!r}: {self._shown(str(why))}{last}")

    def _shown(self, said: str) -> str:
        """Return words of the server as they may be shown (2)."""
        return " ".join(self.redact.text(said).split())[:SHOWN_MAX]


def taken(
    line: bytes, number: int, redact: Redactor
) -> dict[str, Any] | Refusal | wire.Asked | None:
    """Return what one message of a server means, see ``wire.taken``.

    Raises:
        ToolServerError: it breaks the protocol.
    """
    try:
        return wire.taken(line, number)
    except ToolServerError:
        if redact.found_in(line):  # (2) what is quoted of it may be half a secret
            raise ToolServerError(
                "it breaks the protocol with a message that holds what it was handed"
            ) from None
        raise


def _late(method: str, within_s: float) -> ToolServerError:
    return ToolServerError(f"no answer to {method} within {within_s:g} s")


def _unrefused(answer: dict[str, Any] | Refusal, method: str) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        raise ToolServerError(f"it refuses {method}: {answer.message}")
    return answer
