"""A gate, as a run sees it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from dsl.core import StageType
from dsl.steps.people import MemberPlan, PeoplePlan
from dsl.steps.step import LeafStep, Shape
from dsl.values.durations import render_duration


class GateStep(PeoplePlan, LeafStep):
    """One decision to be waited for."""

    type: Literal[StageType.GATE] = StageType.GATE
    description: str = ""
    gate_type: Literal["approval", "consensus"]
    reason: Literal["optional", "required"] = "optional"
    approves: tuple[str, ...] = ()  # paths of stages whose outputs are approved
    members: tuple[MemberPlan, ...] = ()
    decides: str | None = None  # path of the stage whose suggestions are decided one by one

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what came later and is not declared: digests stay what they were."""
        fields: dict[str, Any] = serialize(self)
        return {k: v for k, v in fields.items() if v or k != "decides"}

    @property
    def shape(self) -> Shape:
        """It waits for people."""
        return Shape.HEXAGON

    @property
    def facts(self) -> tuple[str, ...]:
        """Who decides, for how long, and what about."""
        groups = [f"{group.quorum} of group:{group.name}" for group in self.groups]
        people = [f"{self.quorum} of {', '.join(self.approvers)}"] if self.approvers else []
        members = [f"{len(self.members)} member(s)"] if self.members else []
        return (
            f"{self.gate_type} {' + '.join(people + groups + members)}",
            render_duration(self.timeout_ms),
            f"approves {', '.join(self.approves) or 'no output'}",
            *([f"decides suggestions of {self.decides}"] if self.decides else []),
        )
