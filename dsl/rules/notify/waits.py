"""How long a destination that refuses us is left alone until it is tried again.

Somebody may mend it in a minute, or on Monday. Each try stands in a history, so the wait doubles,
from ``NOTIFY_MENDED_MS`` up to ``NOTIFY_MENDED_MS_MAX``.
"""

from __future__ import annotations

from typing import Final

from dsl.limits import NOTIFY_MENDED_MS, NOTIFY_MENDED_MS_MAX

_DOUBLED_MAX: Final = 30


def wait_ms(tries: int) -> int:
    """Return how long to wait after so many tries of one message."""
    doubled = min(max(tries - 1, 0), _DOUBLED_MAX)
    return min(NOTIFY_MENDED_MS << doubled, NOTIFY_MENDED_MS_MAX)
