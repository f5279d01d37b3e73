"""A gate, as an author writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dsl import limits
from dsl.stages.people import GateMember, PeopleConfig
from dsl.stages.stage import LeafStage


class GateConfig(PeopleConfig):
    """Who decides, by when, and about what."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "gate_type": "approval: people decide. consensus: agents vote as well.",
        "approvers": 'Who may decide: names, or "group:" and a name.',
        "groups": "Groups that must each reach a count of their own.",
        "quorum": "How many approvals pass the gate.",
        "timeout": "How long the gate waits, with a unit.",
        "on_timeout": "What happens then; nothing ever approves by itself.",
        "escalate_to": "Who is asked when the time is up, or when agents do not decide.",
        "remind_every": "How often approvers are reminded, with a unit.",
        "exclude": "Who may not decide: who started the run, who registered the plan.",
        "identity": "How a voter's identity must be known; default: as the worker demands.",
        "reason": "Whether a vote must give one.",
        "approves": "Stages whose outputs are approved; default: all that was put out before it.",
        "members": "Agent stages that vote at a consensus gate.",
        "decides": "Stage whose suggestions the members judge, one by one, by rules.",
    }

    gate_type: Literal["approval", "consensus"] = "approval"
    reason: Literal["optional", "required"] = "optional"
    approves: tuple[str, ...] | None = None
    members: tuple[GateMember, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    decides: str | None = None


class GateStage(LeafStage):
    """Wait until enough of the named people have said yes."""

    type: Literal["gate"]
    config: GateConfig
