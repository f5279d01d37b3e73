"""What the ledger says about an agent; Dragonfly only holds a copy of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuardSeed:
    """The terms on which an agent may hold anything."""

    fence: int  # floor: every fence granted from now on is above it
    epoch: int  # milliseconds since 1970 of the last revocation or reinstatement; 0 for none
    revoked: bool
