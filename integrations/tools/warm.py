"""Tool servers that stay up between calls, so that a call does not wait for a start.

Most of what a call takes is the start of its server. The rules:

1. A process serves one stage of one run: the agent, workflow and tier that it was started for. It
   never sees a call of another, unless its operator has said ``keep: shared``: it keeps nothing of
   whoever calls. With ``keep: call``, or where it was handed a secret, it serves one call.
2. It is kept only after an answer. Whatever else ends a call (an error, no answer, a cancel) ends
   the process: what it does by then nobody knows.
3. At rest it has ``REST_S``, and there are ``RESTING_MAX`` of them: the one that has rested longest
   goes first. Its keeper has a deadline of its own, which a worker that stands still moves no more.
4. One that works for an agent stands on the roster of that agent's processes, and ends when the
   agent may have been revoked. An announcement is not believed, and costs a start.
5. Its file is read for each call: another declaration is another process.
6. Its list is asked for with each call, so a tool that was changed is seen as before. One at rest
   that does not give it was asked nothing yet: it is ended, and another started.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from dsl.tools.servers import Keep, ToolServer
from dsl.values.canonical import digest_of
from integrations.agents.keeper.reserve import Reserve
from integrations.agents.processes.roster import Roster
from integrations.tools.calling import Lend
from integrations.tools.listing import ListedTool
from integrations.tools.serving import Surroundings, serving
from integrations.tools.session import ToolSession
from integrations.tools.wire import ToolServerError

REST_S: Final = 30.0
RESTING_MAX: Final = 64  # of one worker

Watching = Callable[[str, Callable[[], None]], AbstractContextManager[None]]


class Whom(NamedTuple):
    """For whom a server works (1)."""

    agent: str
    workflow: str  # the stage's, in the server's word
    run: str
    tier: int


@dataclass(slots=True, eq=False)
class _WarmProcess:
    """One process, lent or at rest."""

    key: tuple[str, Whom | None]
    session: ToolSession
    stack: AsyncExitStack
    is_unwanted: bool = False  # it is not kept any more (4)
    timer: asyncio.TimerHandle | None = field(default=None)


class WarmServers:
    """Lends processes of servers; ``close`` ends those at rest."""

    def __init__(
        self,
        around: Surroundings,
        *,
        reserve: Reserve | None = None,
        roster: Roster | None = None,
        watching: Watching | None = None,
    ) -> None:
        """Prepare; ``reserve`` has keepers, ``watching`` hears of revocations (4)."""
        self._around = around
        self._reserve = reserve
        self._roster = roster
        self._watching = watching
        self._resting: list[_WarmProcess] = []  # that has rested longest first
        self._ending: set[asyncio.Task[None]] = set()
        self._is_open = True

    def to(self, whom: Whom) -> Lend:
        """Return what lends to ``whom``."""
        return partial(self._lent, whom)

    @asynccontextmanager
    async def _lent(
        self,
        whom: Whom,
        server: ToolServer,
        environment: Mapping[str, str] | None,
        alive_s: float,
    ) -> AsyncIterator[tuple[ToolSession, list[ListedTool]]]:
        """Lend a process of ``server``, with what it lists now (6).

        Raises:
            DeniedError: it cannot be started as it must.
            UnavailableError: this machine starts no process now.
            ToolServerError: it does not do what it must; it was asked for no call.
        """
        keeps = server.keep if not environment else Keep.CALL  # (1) was handed a secret
        key = (digest_of(server.model_dump(mode="json")), None if keeps is Keep.SHARED else whom)
        kept, listed = await self._rested(key, alive_s)
        if kept is None:
            kept = await self._started(server, key, whom, environment, alive_s)
        try:
            if listed is None:
                listed = await kept.session.tools()
            yield kept.session, listed
        except BaseException:
            await kept.stack.aclose()  # (2) what it does nobody knows
            raise
        if keeps is Keep.CALL or kept.is_unwanted or not self._is_open:
            await kept.stack.aclose()
            return
        self._rest(kept)

    async def close(self) -> None:
        """End all that are at rest; harmless when repeated."""
        self._is_open = False
        for kept in tuple(self._resting):
            self._end(kept)
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def _rested(
        self, key: tuple[str, Whom | None], alive_s: float
    ) -> tuple[_WarmProcess | None, list[ListedTool] | None]:
        while (kept := self._taken(key)) is not None:
            kept.session.lives(alive_s)
            try:
                return kept, await kept.session.tools()
            except ToolServerError:  # (6) it was asked nothing yet
                await kept.stack.aclose()
            except BaseException:
                await kept.stack.aclose()
                raise
        return None, None

    def _taken(self, key: tuple[str, Whom | None]) -> _WarmProcess | None:
        kept = next((each for each in reversed(self._resting) if each.key == key), None)
        if kept is not None:
            self._leave(kept)
        return kept

    async def _started(
        self,
        server: ToolServer,
        key: tuple[str, Whom | None],
        whom: Whom,
        environment: Mapping[str, str] | None,
        alive_s: float,
    ) -> _WarmProcess:
        async with AsyncExitStack() as stack:
            on_start = None
            if key[1] is not None and self._roster is not None:  # (4) one of the agent's
                on_start = stack.enter_context(self._roster.listed(whom.agent, whom.workflow))
            session = await stack.enter_async_context(
                serving(
                    server,
                    self._around,
                    environment=environment,
                    alive_s=alive_s,
                    reserve=self._reserve,
                    on_start=on_start,
                )
            )
            kept = _WarmProcess(key, session, stack)
            if key[1] is not None and self._watching is not None:
                stack.enter_context(self._watching(whom.agent, lambda: self._unwanted(kept)))
                kept.is_unwanted = False  # it is told so once, for what was said before
            kept.stack = stack.pop_all()
        return kept

    def _rest(self, kept: _WarmProcess) -> None:
        """Keep a process that has answered (3)."""
        if len(self._resting) >= RESTING_MAX:
            self._end(self._resting[0])
        kept.session.lives(REST_S)
        loop = asyncio.get_running_loop()
        kept.timer = loop.call_later(REST_S, self._end, kept)
        self._resting.append(kept)

    def _unwanted(self, kept: _WarmProcess) -> None:
        kept.is_unwanted = True
        if kept in self._resting:
            self._end(kept)

    def _leave(self, kept: _WarmProcess) -> None:
        self._resting.remove(kept)
        if kept.timer is not None:
            kept.timer.cancel()

    def _end(self, kept: _WarmProcess) -> None:
        self._leave(kept)
        task = asyncio.get_running_loop().create_task(kept.stack.aclose())
        self._ending.add(task)  # the loop holds tasks weakly
        task.add_done_callback(self._ending.discard)
