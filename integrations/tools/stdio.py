"""The wire to a tool server that is a process of ours: a message a line, on its stdin and stdout.

1. All that it says in one exchange is bounded, and so is each line.
2. What it writes to stderr is for people: its end is shown where it fails, and no secret of which
   the start or the end was cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from dsl.limits import TOOL_LIST_BYTES_MAX
from integrations.agents.keeper.process import Process
from integrations.redaction import Redactor
from integrations.tools import wire
from integrations.tools.session import SHOWN_MAX, taken
from integrations.tools.wire import Refusal, ToolServerError

_STDERR_BYTES_MAX: Final = 4 << 10
_UTF8_MAX: Final = 4  # bytes of a character


class StdioWire:
    """Speaks to one process."""

    def __init__(self, process: Process, redact: Redactor) -> None:
        self._process = process
        self._redact = redact
        # (2) a secret whose start is cut off is known by its end
        self._stderr_max = _STDERR_BYTES_MAX + _UTF8_MAX * redact.margin
        self._stderr_is_cut = False
        self._heard = 0  # bytes
        self._stderr = bytearray()

    async def watch(self) -> None:
        """Keep the end of what it says to people (2), until cancelled."""
        while chunk := await self._process.stderr.read(1 << 12):
            self._stderr += chunk
            self._stderr_is_cut |= len(self._stderr) > self._stderr_max
            del self._stderr[: -self._stderr_max]

    async def ask(
        self, number: int, method: str, params: Mapping[str, Any]
    ) -> dict[str, Any] | Refusal:
        """See ``ToolWire``."""
        await self._process.tell(wire.request(number, method, params))
        while True:
            found = taken(await self._line(), number, self._redact)
            if isinstance(found, wire.Asked):
                await self._process.tell(found.reply)
            elif found is not None:
                return found

    async def notify(self, method: str) -> None:
        """See ``ToolWire``."""
        await self._process.tell(wire.notice(method))

    def greeted(self, answer: Mapping[str, Any]) -> None:
        """See ``ToolWire``."""

    def renew(self) -> None:
        """See ``ToolWire``."""
        self._heard = 0

    def last_words(self) -> str:
        """See ``ToolWire``."""
        said = self._stderr.decode(errors="replace")
        clean = self._redact.cut_text(said) if self._stderr_is_cut else self._redact.text(said)
        return " ".join(self._redact.cut_end(clean).split())[-SHOWN_MAX:]

    async def _line(self) -> bytes:
        try:
            line = await self._process.stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise ToolServerError("it has ended") from None
        except asyncio.LimitOverrunError:
            raise ToolServerError("a message of it is longer than 1 MiB") from None
        self._heard += len(line)
        if self._heard > TOOL_LIST_BYTES_MAX:  # (1) bounded
            raise ToolServerError(f"it says more than {TOOL_LIST_BYTES_MAX >> 20} MiB")
        return line
