"""The table of tools that an agent may call, as a run sees it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from dsl.core import Value
from dsl.limits import TOOL_ATTEMPTS_MAX, TOOL_TIMEOUT_MS_MAX
from dsl.steps.people import PeoplePlan


class ToolApprovalPlan(PeoplePlan):
    """Who is asked about a call."""

    reason: Literal["optional", "required"] = "optional"


class ToolRate(Value):
    """How many calls a rule lets through within a sliding window."""

    calls: int = Field(ge=1)
    window_ms: int = Field(ge=1)


class ToolRule(Value):
    """One line of the table: what it is about, and what becomes of it.

    Everything but the first three stands in the canonical form only where it is declared.
    """

    server: str
    tool: str
    policy: Literal["allow", "approve", "deny"]
    when: str | None = None  # an expression over args, agent and inputs; None: always
    approve: ToolApprovalPlan | None = None  # with the policy of that name, and no other
    max_calls: int | None = Field(default=None, ge=1)
    rate: ToolRate | None = None

    @model_serializer(mode="wrap")
    def _serialize(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        return {name: value for name, value in fields.items() if value is not None}


class KnownTool(Value):
    """What its operator says of a tool that a stage may call, pinned in the run's history."""

    timeout_ms: int = Field(ge=1, le=TOOL_TIMEOUT_MS_MAX)
    idempotent: bool = False  # to make it twice is to make it once
    effect: str | None = None  # what a call brings about, made of its arguments
    attempts: int | None = Field(default=None, ge=1, le=TOOL_ATTEMPTS_MAX)  # None: not declared
    said: str = ""  # digest of how its server is declared, and of what that says of it, as pinned

    @property
    def attempts_max(self) -> int:
        """Return how often a call is made of which nobody knows whether it was."""
        return (self.attempts or TOOL_ATTEMPTS_MAX) if self.idempotent else 1
