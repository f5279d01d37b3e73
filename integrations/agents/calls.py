"""The calls of one agent while it works: taken as they come, made one after the other, answered.

1. They are made in the order in which they came; the agent goes on meanwhile, or waits for the
   line that answers. Its time limit stands still until then.
2. An id is used once in a try. Beyond ``TOOL_CALLS_WAITING_MAX`` calls that wait, another breaks
   the contract, and so does one where nobody makes calls.
3. One that delivers while a call of it waits has not waited for what it asked for: a breach.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from dsl.limits import TOOL_CALLS_WAITING_MAX
from dsl.rules.tools.journal import CallStatus
from integrations.agents.contract.calls import AskedCall, CallTold, OnCall, parse_call
from integrations.agents.contract.protocol import broken
from integrations.agents.keeper.process import Process
from integrations.agents.standing import Standing

_REDACTED = "a call holds no secret of the agent: name what the server has, or ask for less"


class Calls:
    """What one agent calls while it works."""

    def __init__(self, on_call: OnCall | None) -> None:
        self._on_call = on_call
        self._known: set[str] = set()
        self._waiting: deque[AskedCall] = deque()
        self._came = asyncio.Event()

    @property
    def are_made(self) -> bool:
        """Whether somebody makes calls for the agent."""
        return self._on_call is not None

    def take(self, message: dict[str, Any], *, was_redacted: bool) -> None:
        """Hear a call.

        Raises:
            AgentError: it breaks the contract (2).
        """
        call = parse_call(message, was_redacted=was_redacted)
        if self._on_call is None:
            raise broken(f"it calls {call.tool[:80]!r}, and its stage has no config.tools")
        if call.id in self._known:
            raise broken(f"it uses the id {call.id!r} for a second tool_call in the same try")
        if len(self._waiting) == TOOL_CALLS_WAITING_MAX:
            raise broken(f"{TOOL_CALLS_WAITING_MAX} calls of it wait already")
        self._known.add(call.id)
        self._waiting.append(call)
        self._came.set()

    def refuse_unanswered(self, *, delivered: bool) -> None:
        """Judge an agent that has ended (3).

        Raises:
            AgentError: it has delivered while a call waits.
        """
        if delivered and self._waiting:
            raise broken(f"it delivers, and its call {self._waiting[0].id!r} waits for an answer")

    async def attend(self, process: Process, standing: Standing) -> None:
        """Make what is called, and pass on the answers, until cancelled (1)."""
        while self._on_call is not None:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                call = self._waiting[0]
                told, left_s = await standing.still(self._made(call))
                self._waiting.popleft()
                await process.tell(told.line(call.id, left_s))

    async def _made(self, call: AskedCall) -> CallTold:
        if call.was_redacted:
            return CallTold(CallStatus.DENIED, _REDACTED)
        assert self._on_call is not None  # noqa: S101  # ``attend`` has looked
        return await self._on_call(call)
