"""How far another clock is off, as far as one answer can tell. Pure.

1. What an answer took is nobody's mistake: a time that lies between asking and hearing is right.
2. A clock that tells whole seconds may mean any moment of that second.
"""

from __future__ import annotations

from typing import Final

SKEW_MS_MAX: Final = 5_000  # proofs are good for minutes, leases have a margin of 2.4 s


def skew_ms(asked_ms: int, heard_ms: int, said_ms: int, *, grain_ms: int = 1) -> int:
    """Return by how much the other clock is ahead of ours; negative: behind; 0: it may be right."""
    latest = said_ms + grain_ms - 1  # (2) any moment of that second
    if said_ms > heard_ms:  # (1) after hearing
        return said_ms - heard_ms
    return min(0, latest - asked_ms)
