"""How often somebody may ask: a bucket of tokens for each, and never more buckets than is sane.

The bucket that was used longest ago goes first, so somebody with many addresses frees no bucket of
one who asks all the time.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BUCKETS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and so many at once."""

    per_s: float
    burst: int


class Buckets:
    """The buckets of one rate."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with every bucket full."""
        self._rate = rate
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def take(self, who: str) -> int:
        """Take one token; return 0, or in how many seconds there is one again."""
        now = self._clock()
        tokens, when = self._kept.pop(who, (float(self._rate.burst), now))
        tokens = min(float(self._rate.burst), tokens + (now - when) * self._rate.per_s)
        enough = tokens >= 1
        self._kept[who] = (tokens - 1 if enough else tokens, now)
        if len(self._kept) > BUCKETS_MAX:
            self._kept.popitem(last=False)
        return 0 if enough else max(1, math.ceil((1 - tokens) / self._rate.per_s))
