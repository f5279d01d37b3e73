"""How a process looks whether the systems behind its circuits live.

1. While a circuit is open, whoever's turn it is looks (``Breaker.take_look``): what goes well is a
   sign of life.
2. Work that is about to begin, and whose call was not answered for ``STILL_S``, has the system
   looked at meanwhile. Where that is not answered either, the work is given up, and waits where
   people see it. A call's own limit is long, for replies get lost; two of them would be waited out
   before anybody read what for. A system that is slow with this one call is found there, and the
   call goes on.
3. That is for work which may be held back, and which that circuit has let through: all it has asked
   may be asked again. Whatever else calls waits for its answer (docs/adr/0034), and so does what a
   person has ordered to be let through.
4. One that was found silent lets nothing begin in this process, until a look finds it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Final

from dsl.rules.health.breaker import CircuitState, Outcome
from integrations.beside import ended
from integrations.errors import IntegrationError
from integrations.health.breaker import Breaker
from integrations.health.deaths import Deaths, refused

LOOK_LIMIT_S: Final = 2.0
STILL_S: Final = 1.0  # a call that takes so long is not usual
STILL_LOOK_S: Final = 1.0

Look = Callable[[], Awaitable[object]]

_let_through: ContextVar[frozenset[str]] = ContextVar("let_through", default=frozenset())


@contextmanager
def beginning(names: Iterable[str]) -> Iterator[None]:
    """Have work begin that these circuits have let through (3)."""
    token = _let_through.set(frozenset(names))
    try:
        yield
    finally:
        _let_through.reset(token)


class Looking:
    """The looks of one process; all is asked in its event loop."""

    def __init__(self, of: Callable[[str], Breaker]) -> None:
        """Prepare; ``of`` returns the circuit of a name."""
        self._of = of
        self._looks: dict[str, Look] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self.deaths = Deaths(of, self._looks)

    def add(self, name: str, look: Look) -> None:
        """Have ``look`` called, which fails where the system does not live."""
        self._looks[name] = look

    def begin(self, known: Mapping[str, Breaker]) -> None:
        """Look at what is open of the ``known``, where it is this process's turn (1)."""
        for name, look in self._looks.items():
            breaker, under_way = known.get(name), self._under_way.get(name)
            if breaker is None or (under_way is not None and not under_way.done()):
                continue
            if breaker.take_look():
                self._under_way[name] = asyncio.create_task(self._look(breaker, look))

    async def end(self) -> None:
        """End what is under way."""
        await ended(self._under_way.values())

    @asynccontextmanager
    async def attending(self, name: str) -> AsyncIterator[None]:
        """Give up what is done meanwhile, where its system answers nobody (2).

        Raises:
            CircuitOpenError: it was given up.
        """
        breaker, look = self._of(name), self._looks.get(name)
        may_be_held = name in _let_through.get()  # (3) all else waits for its answer
        if look is None or not may_be_held or breaker.state is CircuitState.FORCED_CLOSED:
            yield
            return
        watching: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(None) as limit:

                def watch() -> None:
                    watching.append(asyncio.create_task(_until_silent(look, limit)))

                due = asyncio.get_running_loop().call_later(STILL_S, watch)
                try:
                    yield
                finally:
                    due.cancel()
                    await ended(watching)
        except TimeoutError:
            if not limit.expired():
                raise
            for _ in ("the call", "the look"):
                breaker.note(Outcome(failed=True))
            self.deaths.silent(name)  # (4) nothing begins
            self.deaths.refuse(breaker)
            raise refused(breaker) from None

    async def _look(self, breaker: Breaker, look: Look) -> None:
        with suppress(IntegrationError, TimeoutError):
            async with asyncio.timeout(LOOK_LIMIT_S):
                with breaker.watching():  # (1) a sign of life
                    await look()


async def _until_silent(look: Look, limit: asyncio.Timeout) -> None:
    """End ``limit`` when a look is not answered (2)."""
    loop = asyncio.get_running_loop()
    while True:
        again = loop.time() + STILL_S
        try:
            async with asyncio.timeout(STILL_LOOK_S):
                await look()
        except (IntegrationError, TimeoutError):
            limit.reschedule(loop.time())
            return
        await asyncio.sleep(again - loop.time())
