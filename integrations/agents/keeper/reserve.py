"""A keeper that was started ahead of its agent, so that an agent does not wait for its start.

Most of the time until a program runs is a Python process that comes up and imports what the keeper
needs. The rules:

1. A keeper in reserve is a process like every other keeper, and serves one agent: it is started
   with an empty environment and the same descriptors, and knows of no agent until it is told of
   its own. Nothing is forked from one that has seen an agent, so nothing can be left of one.
2. There is one at most. Who comes while there is none has its own started, as without a reserve.
3. The next one is started when the agent that took the last one runs, or will not: the two do not
   start at once. A worker that runs no agents has none.
4. One that has ended meanwhile is not used. Like every keeper it ends with its worker.
5. What fails here fails nobody: an agent that needs a keeper hears it from its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from integrations.agents.keeper.process import Process
from integrations.agents.processes.lifeline import Lifeline
from integrations.errors import UnavailableError


class Reserve:
    """Gives out keepers; ``keeps`` one in reserve, or none."""

    def __init__(self, *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._kept: Process | None = None
        self._refilling: asyncio.Task[None] | None = None

    async def begin(
        self,
        spec: dict[str, Any],
        lifeline: Lifeline,
        on_start: Callable[[int], None] | None = None,
    ) -> Process:
        """Return a keeper that was told what to start, see ``Process.begin``.

        Raises:
            UnavailableError: this machine starts no process now.
        """
        process = await self._taken() or await Process.start()
        await process.begin(spec, lifeline, on_start)
        if self._keeps and self._kept is None and self._refilling is None:  # (2) one at most
            self._refilling = asyncio.create_task(self._refill(process))
        return process

    async def close(self) -> None:
        """End what is in reserve; harmless when repeated."""
        self._keeps = False
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.gather(self._refilling, return_exceptions=True)
        kept = await self._taken(dead=True)
        if kept is not None:
            await kept.end()
            kept.close()

    async def _taken(self, *, dead: bool = False) -> Process | None:
        kept, self._kept = self._kept, None
        if kept is None or dead or kept.is_alive:
            return kept
        await kept.end()  # (4) has ended meanwhile
        kept.close()
        return None

    async def _refill(self, last: Process) -> None:
        """Start the next one when ``last`` is on its way (3)."""
        try:
            await last.settled.wait()
            with suppress(UnavailableError):  # (5) fails nobody
                self._kept = await Process.start()
        finally:
            self._refilling = None
