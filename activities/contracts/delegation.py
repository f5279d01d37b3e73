"""What came of an activity or workflow of somebody else's that did an agent's work."""

from __future__ import annotations

from typing import Literal

from dsl.core import Value


class Heard(Value):
    """An answer as it came, to be read by an activity; or, where there is none, why."""

    answer: str | None = None  # JSON, nobody has looked into it
    kind: Literal["protocol", "failed", "timeout"] = "failed"  # as an agent's error is called
    why: str = ""
    retryable: bool = False
    worked_ms: int = 0
