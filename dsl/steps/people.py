"""Who is asked, by a gate or by an agent, as a run sees it."""

from __future__ import annotations

from typing import Literal

from dsl.core import Value


class GroupPlan(Value):
    """A group of approvers with its own count."""

    name: str
    quorum: int


class EscalationPlan(Value):
    """Who is asked when the time is up."""

    approvers: tuple[str, ...]
    quorum: int
    timeout_ms: int


class PeoplePlan(Value):
    """Who is asked, by a gate or by an agent, and until when."""

    approvers: tuple[str, ...]
    groups: tuple[GroupPlan, ...] = ()
    quorum: int
    timeout_ms: int
    on_timeout: Literal["reject", "escalate"]
    escalate_to: EscalationPlan | None = None
    remind_every_ms: int | None = None
    exclude: tuple[str, ...] = ()
    identity: tuple[str, ...] | None = None  # None: the worker's default
