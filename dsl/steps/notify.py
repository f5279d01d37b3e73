"""Who is told of a run, and of what, as the run sees it."""

from __future__ import annotations

from enum import StrEnum

from dsl.core import Value


class Happening(StrEnum):
    """What people may be told of; wire values."""

    GATE_OPENED = "gate-opened"
    GATE_REMINDER = "gate-reminder"
    GATE_ESCALATED = "gate-escalated"
    GATE_DECIDED = "gate-decided"
    STAGE_FAILED = "stage-failed"
    REVOKED = "revoked"
    ENDED = "ended"


class NotifyPlan(Value):
    """One destination by its name; where that is, only the operator's file says."""

    to: str
    when: tuple[Happening, ...]
