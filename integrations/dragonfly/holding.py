"""Holding: work under a lease, and stop the moment it cannot be proved any more.

Wraps the body of one task. It stops the body by cancelling it, so a body must not swallow
cancellation; a body that does so anyway still ends in the loss. A body that stands still with its
whole process hears nothing: what it has started must keep the deadline itself, and is told of it.
The rules:

1. The lease is renewed every sixth of its time to live, and at once when somebody hurries it.
   Every renewal, the first one included, is told with its deadline.
2. No answer is not a loss: renewals are repeated until the margin before the deadline.
3. At that margin, a fifth of the time to live, the lease counts as lost, and the body is
   cancelled while the server still keeps everyone else out. A body that ends beyond the
   deadline because the process stood still has lost it too.
4. A lost, revoked or cold answer, or any failure of the renewal itself, counts at once. It is
   raised as ``LeaseLostError``; only a revocation, which is final, as what it is.
5. Whoever cancels from outside is obeyed first: a cancellation is never turned into a loss.
6. Meanwhile the lease is bound: the owner's next attempt waits for the end of the body. At the end
   the lease is given back, or unbound where it belongs to the owner's next step, also when it was
   claimed or its agent revoked: whoever counts beats would miss it. A server that does not answer
   lets it run out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from dsl.rules.health.beats import BEATS_PER_LEASE
from integrations.clock import boottime
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.leases import Lease, Leases
from integrations.errors import IntegrationError, RevokedError, UnavailableError

MARGIN: Final = 0.2  # share of the time to live
BEATS_PER_TTL: Final = BEATS_PER_LEASE
_REPEATS_PER_BEAT: Final = 4
_REPEAT_S_MAX: Final = 0.25


class Holding:
    """Context manager of one use: ``async with Holding(leases, lease): ...``."""

    def __init__(
        self,
        leases: Leases,
        lease: Lease,
        *,
        release: bool = True,
        on_renewal: Callable[[float], None] | None = None,
    ) -> None:
        """Hold ``lease``; ``release=False`` leaves it to the same owner's next step (6).

        ``on_renewal``, which must not wait, hears each new deadline, in seconds of
        ``integrations.clock`` (1).
        """
        self._leases = leases
        self._lease = lease
        self._release = release
        self._on_renewal = on_renewal
        self._lost: IntegrationError | None = None
        self._is_over = False
        self._hurried = asyncio.Event()

    @property
    def lease(self) -> Lease:
        """The lease as last renewed."""
        return self._lease

    def hurry(self) -> None:
        """Renew now (1); what the answer is decides, not who asked for it."""
        self._hurried.set()

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a lease is held by a task; there is none")
        self._hurried.clear()  # the answer to what follows is the answer to that
        try:
            # (6) the next attempt waits for its end
            self._take(await self._leases.bind(self._lease))
        except asyncio.CancelledError:
            await self._give_back()  # the server may have bound it
            raise
        self._body = task
        self._cancelling = task.cancelling()
        self._renewal = asyncio.create_task(self._renew())
        self._renewal.add_done_callback(self._stop_body)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # No await before this line: from here on the renewal cancels nobody.
        self._is_over = True
        self._renewal.cancel()
        if self._lost is None:
            await asyncio.wait([self._renewal])
            has_outlived = self._lease.left_s <= 0
            await self._give_back()
            if has_outlived and error is None:
                raise LeaseLostError(
                    f"the lease on {self._lease.holder!r} ran out unnoticed"
                )  # (3) beyond the margin
            return
        is_cancelled_from_outside = self._body.uncancel() > self._cancelling
        if not isinstance(self._lost.__cause__, UnavailableError):
            await self._give_back()  # (6) somebody may wait for it, or count its beats
        if isinstance(error, asyncio.CancelledError) and is_cancelled_from_outside:
            return  # (5) a cancel is obeyed first
        if error is None or isinstance(error, Exception | asyncio.CancelledError):
            raise self._lost

    async def _renew(self) -> None:
        """Renew until it fails, which it raises (4), or is told to end.

        Being cancelled is not enough for the latter: ``asyncio.wait_for``, which the client
        library sends with, swallows a cancellation that comes as it returns (Python 3.11).
        """
        beat_s = self._lease.ttl_ms / 1000 / BEATS_PER_TTL  # (1) every sixth of its life
        repeat_s = min(beat_s / _REPEATS_PER_BEAT, _REPEAT_S_MAX)
        pause_s = beat_s
        while not self._is_over:
            await self._pause(min(pause_s, self._provable_s()))
            left_s = self._provable_s()
            if left_s <= 0:
                # (3) at the margin it counts as lost
                raise UnavailableError("no renewal was confirmed in time")
            try:
                async with asyncio.timeout(min(left_s, beat_s)):
                    self._take(await self._leases.beat(self._lease))
                pause_s = beat_s
            except (UnavailableError, TimeoutError):  # (2) no answer is not a loss
                pause_s = repeat_s

    def _take(self, renewed: Lease) -> None:
        self._lease = renewed
        if self._on_renewal is not None:
            self._on_renewal(renewed.deadline)  # (1) told with its deadline

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        self._hurried.clear()  # before asking: a hurry that comes meanwhile asks again

    def _provable_s(self) -> float:
        margin_s = MARGIN * self._lease.ttl_ms / 1000
        return max(0.0, self._lease.deadline - margin_s - boottime())

    def _stop_body(self, renewal: asyncio.Task[None]) -> None:
        if self._is_over:
            return
        reason = None if renewal.cancelled() else renewal.exception()
        self._lost = self._loss(reason)
        self._lost.__cause__ = reason
        self._body.cancel()

    def _loss(self, reason: BaseException | None) -> IntegrationError:
        if isinstance(reason, RevokedError):
            return RevokedError(str(reason))
        return LeaseLostError(
            f"lost the lease on {self._lease.holder!r}, fence {self._lease.fence}: "
            f"{reason or 'its renewal was cancelled'}"
        )

    async def _give_back(self) -> None:
        give_back = self._leases.release if self._release else self._leases.unbind
        with contextlib.suppress(IntegrationError):  # (6) else it runs out
            await give_back(self._lease)
