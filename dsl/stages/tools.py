"""What an agent may call in the world, as an author writes it: ``config.tools``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dsl import limits
from dsl.stages.fields import AS_WHOLE, Name, Whole
from dsl.stages.people import PeopleConfig
from dsl.stages.stage import Document
from dsl.values.durations import Duration
from dsl.values.tool_names import TOOL_NAME_PATTERN

ToolName = Annotated[str, Field(pattern=TOOL_NAME_PATTERN)]


class ToolApproval(PeopleConfig):
    """Who is asked about a call, before it is made."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "approvers": 'Who may decide: names, or "group:" and a name.',
        "groups": "Groups that must each reach a count of their own.",
        "quorum": "How many approvals let the call through.",
        "timeout": "How long it waits, with a unit; then the call is denied.",
        "on_timeout": "What happens then; nothing ever approves by itself.",
        "escalate_to": "Who is asked when the time is up.",
        "remind_every": "How often they are reminded, with a unit.",
        "exclude": "Who may not decide: who started the run, who registered the plan.",
        "identity": "How they must be known; default: as the worker demands.",
        "reason": "Whether a vote must give one.",
    }

    reason: Literal["optional", "required"] = "optional"


class ToolRateConfig(Document):
    """How many calls a rule lets through within a sliding window."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "calls": "How many calls are let through within the window.",
        "window": "The sliding window, with a unit.",
    }

    calls: Whole = Field(ge=1, le=limits.TOOL_CALLS_MAX)
    window: Duration


class ToolRuleConfig(Document):
    """One line of the table: the first whose condition holds decides about a call."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "server": "The tool server, as the operator has named it.",
        "tool": "The tool, as its server names it; what no rule names is denied.",
        "policy": "allow: it is called. approve: people are asked. deny: it is not called.",
        "when": "An expression over args, agent and inputs; default: always.",
        "approve": "Who is asked, where the policy is approve.",
        "max_calls": "How many calls of a stage this rule lets through, or asks about.",
        "rate": "How many of them within a sliding window.",
    }

    server: Name
    tool: ToolName
    policy: Literal["allow", "approve", "deny"]
    when: str | None = None
    approve: ToolApproval | None = None
    max_calls: Annotated[int, Field(ge=1, le=limits.TOOL_CALLS_MAX), AS_WHOLE] | None = None
    rate: ToolRateConfig | None = None
