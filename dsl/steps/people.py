"""Who is asked, by a gate or by an agent, as a run sees it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

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


class MemberPlan(Value):
    """An agent stage, by path, that votes at a consensus gate."""

    stage: str
    weight: int
    min_confidence: float


class ClarifiersPlan(PeoplePlan):
    """Who clarifies the plan of an agent: people, or agents with people behind them."""

    members: tuple[MemberPlan, ...] = ()

    def asked(self) -> dict[str, Any]:
        """Return what a gate of these has."""
        return {name: getattr(self, name) for name in ClarifiersPlan.model_fields}


class QuestionsPlan(PeoplePlan):
    """Who answers what an agent asks, and how long it is left waiting for that."""

    park_after_ms: int | None = None  # None: the default of ``dsl.limits``

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what came later and is not declared: digests stay what they were."""
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k != "park_after_ms"}

    def asked(self) -> dict[str, Any]:
        """Return what a gate of these people has."""
        return {name: getattr(self, name) for name in PeoplePlan.model_fields}
