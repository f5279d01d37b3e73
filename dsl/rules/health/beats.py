"""What the age of an agent's last beat says of it. Pure.

An agent beats while a process of it lives by its lease: between phases nobody beats, and nobody is
missed. The rules:

1. It is alive while it has missed one beat at most, and dead when its lease has run out: then its
   worker has been gone that long, and did not give the lease back. In between it is suspect.
2. One that beats for a run that is over is an orphan, once that is longer than ``OVER_MS`` ago: its
   worker would have heard of it by its own heartbeat.
3. A dead one is told of for ``TOLD_MS``. Its stage is tried again long before; where it is not,
   its run is over and nothing is left to be done, for the lease has ended by itself.
"""

from __future__ import annotations

from typing import Final

from dsl.limits import LEASE_TTL_MS

BEATS_PER_LEASE: Final = 6
BEAT_MS: Final = LEASE_TTL_MS // BEATS_PER_LEASE
MISSED_MS: Final = 2 * BEAT_MS + BEAT_MS // 2  # the second one is due, and then some
OVER_MS: Final = 30_000
TOLD_MS: Final = 10 * 60_000


def is_orphan(over_for_ms: int | None) -> bool:
    """Tell whether one that beats is an orphan, whose run is over for so long (2); None: is not."""
    return over_for_ms is not None and over_for_ms > OVER_MS
