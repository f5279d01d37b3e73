"""The clock by which leases run.

``CLOCK_BOOTTIME``: nobody sets it, and it goes on while the machine is suspended, as the clock of
the server does that counts a lease down. All processes of a machine read the same time.
"""

from __future__ import annotations

import time


def boottime() -> float:
    """Return the seconds since this machine was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
