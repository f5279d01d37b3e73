"""Holding: work under a lease, and stop the moment it cannot be proved any more.

Wraps the body of one task. It stops the body by cancelling it, so a body must not swallow
cancellation; a body that does so anyway still ends in the loss. The rules:

1. The lease is renewed every third of its time to live, and at once when somebody hurries it.
2. No answer is not a loss: renewals are repeated until the margin before the deadline.
3. At that margin, a fifth of the time to live, the lease counts as lost, and the body is
   cancelled while the server still keeps everyone else out. A body that ends beyond the
   deadline because the process stood still has lost it too.
4. A lost, revoked or cold answer, or any failure of the renewal itself, counts at once. It is
   raised as ``LeaseLostError``; only a revocation, which is final, as what it is.
5. Whoever cancels from outside is obeyed first: a cancellation is never turned into a loss.
6. At the end the lease is given back, unless it is lost or belongs to the owner's next
   step; a server that cannot be told lets it run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Final, Self

from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.leases import Lease, Leases
from integrations.errors import IntegrationError, RevokedError, UnavailableError

MARGIN: Final = 0.2  # share of the time to live
_BEATS_PER_TTL: Final = 3
_REPEATS_PER_BEAT: Final = 4
_REPEAT_S_MAX: Final = 0.25


class Holding:
    """Context manager of one use: ``async with Holding(leases, lease): ...``."""

    def __init__(self, leases: Leases, lease: Lease, *, release: bool = True) -> None:
        """Hold ``lease``; ``release=False`` leaves it to the same owner's next step (6)."""
        self._leases = leases
        self._lease = lease
        self._release = release
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
                )  # (3)
            return
        is_cancelled_from_outside = self._body.uncancel() > self._cancelling
        if isinstance(error, asyncio.CancelledError) and is_cancelled_from_outside:
            return  # (5)
        if error is None or isinstance(error, Exception | asyncio.CancelledError):
            raise self._lost

    async def _renew(self) -> None:
        """Renew until it fails, which it raises (4), or is told to end.

        Being cancelled is not enough for the latter: ``asyncio.wait_for``, which the client
        library sends with, swallows a cancellation that comes as it returns (Python 3.11).
        """
        beat_s = self._lease.ttl_ms / 1000 / _BEATS_PER_TTL  # (1)
        repeat_s = min(beat_s / _REPEATS_PER_BEAT, _REPEAT_S_MAX)
        pause_s = beat_s
        while not self._is_over:
            await self._pause(min(pause_s, self._provable_s()))
            left_s = self._provable_s()
            if left_s <= 0:
                raise LeaseLostError("no renewal was confirmed in time")  # (3)
            try:
                async with asyncio.timeout(min(left_s, beat_s)):
                    self._lease = await self._leases.beat(self._lease)
                pause_s = beat_s
            except (UnavailableError, TimeoutError):  # (2)
                pause_s = repeat_s

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        self._hurried.clear()  # before asking: a hurry that comes meanwhile asks again

    def _provable_s(self) -> float:
        margin_s = MARGIN * self._lease.ttl_ms / 1000
        return max(0.0, self._lease.deadline - margin_s - time.monotonic())

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
        if not self._release:
            return
        with contextlib.suppress(IntegrationError):  # (6)
            await self._leases.release(self._lease)
