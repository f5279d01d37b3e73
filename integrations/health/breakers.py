"""Circuit breakers as a process has them: one for each system, shared through Dragonfly.

1. What begins is let through or refused (``let_through``); what is under way is only watched
   (``Breaker.watching``). So nothing that ends, lets go or protects is ever held back here.
2. On the closed path nothing is asked: what calls came to is told, and what others have seen is
   heard, once in ``TELL_EVERY_S`` at most, all circuits in one round trip. An idle process is
   silent. Only a circuit that this process has never heard of is asked after at once: a person may
   have ordered it open long ago.
3. A half-open circuit is asked each time: who may try is decided where all processes see it.
4. Dragonfly away: each process counts for itself. Dragonfly's own circuit it always does.
5. While a circuit is open, one process a second looks whether its system lives; when it does, the
   wait is over. For a system that nobody can look at, time has to pass. See ``looking``.
6. What this process has found dead lets nothing begin here: see ``deaths``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

from dsl.health.breakers import BreakerBook
from dsl.rules.health.breaker import THROUGH, CircuitState, Probe
from dsl.values.circuit_names import DRAGONFLY
from integrations.beside import ended
from integrations.dragonfly.circuits import CircuitReading, Circuits
from integrations.errors import CircuitOpenError, IntegrationError
from integrations.health.breaker import Breaker, Permit, held
from integrations.health.deaths import refused
from integrations.health.looking import Look, Looking, beginning

TELL_EVERY_S: Final = 1.0
_ID_BYTES: Final = 8

logger = logging.getLogger(__name__)


class Breakers:
    """The circuits of one process; all is asked in the event loop of ``running``."""

    def __init__(self, store: Circuits | None = None, book: BreakerBook | None = None) -> None:
        """Prepare; without a ``store`` every circuit is counted here alone."""
        self._store = store
        self._book = book or BreakerBook()
        self._breakers: dict[str, Breaker] = {}
        self._looking = Looking(self.of)
        self._worker = secrets.token_hex(_ID_BYTES)
        self._told_at = -TELL_EVERY_S
        self._named: set[str] = set()  # to the store
        self._is_away = False
        self.deaths = self._looking.deaths
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._telling = asyncio.Lock()

    def of(self, name: str) -> Breaker:
        """Return the circuit of that name."""
        found = self._breakers.get(name)
        if found is None:
            shared = self._store is not None
            found = Breaker(
                name,
                self._book.of(name),
                is_shared=shared and name != DRAGONFLY,  # (4) its own is never shared
                news=self._news,
            )
            if shared and self._is_away:
                found.lost()
            self._breakers[name] = found
        return found

    def looks(self, name: str, look: Look) -> None:
        """Have ``look`` called, which fails where the system does not live (5)."""
        self._looking.add(name, look)

    def attending(self, name: str) -> AbstractAsyncContextManager[None]:
        """Give up the begin of work whose call hangs, where that system answers nobody.

        Raises:
            CircuitOpenError: it was given up; see ``looking``.
        """
        return self._looking.attending(name)

    def states(self) -> dict[str, CircuitState]:
        """Return every circuit that this process knows, with its state."""
        return {name: each.state for name, each in sorted(self._breakers.items())}

    @asynccontextmanager
    async def let_through(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Let work begin that needs all of these, and keep their probes until it is over (1).

        Raises:
            CircuitOpenError: one of them lets nothing through now.
        """
        permits: dict[str, Permit] = {}
        token, names = None, tuple(names)
        try:
            for name in names:
                permit = await self._ask(self.of(name))
                if permit is not None:
                    permits[name] = permit
            token = held.set({**held.get(), **permits})
            with beginning(names):
                yield
        finally:
            if token is not None:
                held.reset(token)
            for name, permit in permits.items():
                self.of(name).over(permit)

    @asynccontextmanager
    async def as_probe(self, name: str) -> AsyncIterator[None]:
        """Do work that no circuit may hold back (1), as one of its probes where it may be one."""
        try:
            permit = await self._ask(self.of(name))
        except CircuitOpenError:
            permit = None
        token = held.set({**held.get(), name: permit}) if permit is not None else None
        try:
            yield
        finally:
            if permit is not None and token is not None:
                held.reset(token)
                self.of(name).over(permit)

    async def look(self, name: str) -> None:
        """Return when a call may go out, or a probe.

        Raises:
            CircuitOpenError: not now.
        """
        breaker = self.of(name)
        await self._hear(is_asked=breaker.state not in THROUGH)
        self.deaths.refuse(breaker)
        if breaker.state in THROUGH:
            return
        if breaker.state is CircuitState.FORCED_OPEN or breaker.left_ms() > 0:
            raise refused(breaker)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell, hear and look meanwhile."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._loop = None
            await ended([task])
            await self._looking.end()
            await self._settle()  # nobody waits for the lease of a process that has ended

    async def _ask(self, breaker: Breaker) -> Permit | None:
        await self._hear(is_asked=not breaker.is_heard)
        self.deaths.refuse(breaker)  # (6) nothing begins
        if breaker.state in THROUGH:
            return None
        if breaker.is_alone or self._store is None:
            return self._alone(breaker)
        if breaker.state is CircuitState.FORCED_OPEN:
            raise refused(breaker)
        if breaker.state is CircuitState.OPEN and breaker.left_ms() > 0:
            raise refused(breaker)
        permit = secrets.token_hex(_ID_BYTES)
        try:
            # (3) all processes decide that together
            reading = await self._store.ask(breaker.name, breaker.settings, permit)
        except IntegrationError as error:
            self._lose(error)
            return self._alone(breaker)
        self._learn(breaker, reading)
        if not reading.is_let_through:
            raise refused(breaker)
        if not reading.is_probe:
            return None
        return Permit(breaker.name, Probe(reading.generation, permit), is_alone=False)

    def _alone(self, breaker: Breaker) -> Permit | None:
        is_given, permit = breaker.ask_alone(secrets.token_hex(_ID_BYTES))
        if not is_given:
            raise refused(breaker)
        return permit

    async def _hear(self, *, is_asked: bool = False) -> None:
        """Tell and hear, if that was not done within the last while (2)."""
        if self._store is None or self._is_away:
            return
        if is_asked or time.monotonic() - self._told_at >= TELL_EVERY_S:
            await self._tell()

    async def _tell(self) -> None:
        asked = time.monotonic()
        async with self._telling:
            if self._store is None or self._told_at >= asked:  # somebody else has, meanwhile
                return
            breakers = list(self._breakers.values())  # of Dragonfly's own circuit: orders
            try:
                readings = await self._store.report(
                    [each.report(self._worker) for each in breakers]
                )
                for breaker, reading in zip(breakers, readings, strict=True):
                    self._learn(breaker, reading)
                await self._tell_orders(breakers)
                await self._tell_names(each.name for each in breakers)
            except IntegrationError as error:
                self._lose(error)
                return
            finally:
                self._told_at = time.monotonic()
            if self._is_away:
                logger.warning("circuits are shared again")
            self._is_away = False

    async def _tell_orders(self, breakers: Iterable[Breaker]) -> None:
        assert self._store is not None  # noqa: S101  # its caller has looked
        for breaker in breakers:
            order = breaker.lost_order()
            if order is not None:
                reading = await self._store.obey(breaker.name, breaker.settings, *order)
                self._learn(breaker, reading)

    async def _tell_names(self, names: Iterable[str]) -> None:
        assert self._store is not None  # noqa: S101  # its caller has looked
        new = sorted(set(names) - self._named)
        await self._store.told(new)
        self._named.update(new)

    def _learn(self, breaker: Breaker, reading: CircuitReading) -> None:
        before = breaker.state
        breaker.learned(reading)
        if breaker.state is not before:
            logger.warning("circuit %s is %s; it was %s", breaker.name, breaker.state, before)
            self._news()

    def _lose(self, why: IntegrationError) -> None:
        if not self._is_away:
            logger.warning("each process counts for itself, circuits are not shared: %s", why)
        self._is_away = True
        self._named.clear()  # it may come back empty
        for breaker in self._breakers.values():
            breaker.lost()
        self._news()

    async def _keep(self) -> None:
        while True:
            due = max(0.0, self._told_at + TELL_EVERY_S - time.monotonic())
            with suppress(TimeoutError):
                async with asyncio.timeout(due if self._has_news() else None):
                    await self._wake.wait()
            self._wake.clear()
            await self._settle()
            if self._has_news() and time.monotonic() >= self._told_at + TELL_EVERY_S:
                await self._tell()
                self._told_at = time.monotonic()  # also where there is no store to be told
                self._looking.begin(self._breakers)

    def _has_news(self) -> bool:
        return self._is_away or any(each.has_news for each in self._breakers.values())

    async def _settle(self) -> None:
        """Tell at once what changes a circuit that is not closed."""
        for breaker in list(self._breakers.values()):
            settled, alive = breaker.take_settled(), breaker.take_alive()
            if self._store is None or self._is_away:
                continue  # the leases of those permits end by themselves
            about = (breaker.name, breaker.settings)
            try:
                while settled:
                    told = self._store.settle(*about, settled[0].probe, settled[0].outcome)
                    self._learn(breaker, await told)
                    del settled[0]
                if alive is not None:
                    self._learn(breaker, await self._store.alive(*about, alive))
            except IntegrationError as error:
                self._lose(error)
            except asyncio.CancelledError:
                breaker.untold(settled, alive)  # whoever has ended this tells it: again is harmless
                raise

    def _news(self) -> None:
        if self._loop is None:
            return
        if threading.get_ident() == self._thread:
            self._wake.set()
        else:
            self._loop.call_soon_threadsafe(self._wake.set)
