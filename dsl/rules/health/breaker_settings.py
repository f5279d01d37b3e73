"""What a circuit goes by: how much it looks at, when it opens, and how it closes again.

The words are those of resilience4j. The defaults are for calls that are few: a stage makes a
handful, and its program takes minutes. A circuit that opens for too little costs a second, since a
sign of life ends its wait. The rules:

1. A window is either the last calls or the last while, and never empty: of nothing, nothing
   follows.
2. A rate is a percentage; a circuit opens when it is reached.
3. Probes are few. Whoever lets hundreds through has no breaker.
4. What is out of range is refused with the range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsl.limits import (
    BREAKER_CALLS_MAX,
    BREAKER_MS_MAX,
    BREAKER_PERMITS_MAX,
    BREAKER_WINDOW_MS_MIN,
)

BUCKETS: Final = 10  # of a window in time: how finely it slides


class OutOfRangeError(ValueError):
    """A setting is out of its range (4)."""

    def __init__(self, name: str, value: int, least: int, most: int) -> None:
        super().__init__(f"{name}: expected {least} to {most}, got {value}")
        self.name = name
        self.value = value
        self.least = least
        self.most = most


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """The settings of one circuit; times in milliseconds.

    Raises:
        ValueError: one of them is out of range (4).
    """

    window_ms: int = 60_000  # 0: the window is the last calls (1)
    window_calls: int = 0  # 0: the window is the last while (1)
    minimum_calls: int = 3
    failure_rate: int = 50  # percent (2)
    slow_rate: int = 100  # percent (2)
    slow_after_ms: int = 4_000
    wait_ms: int = 30_000
    wait_max_ms: int = 300_000
    permits: int = 3  # (3) few
    lease_ms: int = 60_000

    def __post_init__(self) -> None:
        if bool(self.window_ms) == bool(self.window_calls):  # (1) one kind, and not empty
            raise ValueError("expected either a window in time or one of calls, and not both")
        if self.window_calls:
            _require("window_calls", self.window_calls, 1, BREAKER_CALLS_MAX)
        else:
            _require("window_ms", self.window_ms, BREAKER_WINDOW_MS_MIN, BREAKER_MS_MAX)
        most = self.window_calls or BREAKER_CALLS_MAX
        _require("minimum_calls", self.minimum_calls, 1, most)
        _require("failure_rate", self.failure_rate, 1, 100)
        _require("slow_rate", self.slow_rate, 1, 100)
        _require("slow_after_ms", self.slow_after_ms, 1, BREAKER_MS_MAX)
        _require("wait_ms", self.wait_ms, 1, BREAKER_MS_MAX)
        _require("wait_max_ms", self.wait_max_ms, self.wait_ms, BREAKER_MS_MAX)
        _require("permits", self.permits, 1, BREAKER_PERMITS_MAX)  # (3) few
        _require("lease_ms", self.lease_ms, 1, BREAKER_MS_MAX)

    @property
    def bucket_ms(self) -> int:
        """Return how much time one bucket of the window stands for."""
        return self.window_ms // BUCKETS


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise OutOfRangeError(name, value, least, most)
