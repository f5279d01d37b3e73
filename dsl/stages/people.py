"""Who is asked, by a gate or by an agent, as an author writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dsl import limits
from dsl.stages.fields import Group, Person, Whole
from dsl.stages.stage import Document
from dsl.values.durations import Duration, ParkAfter


class ApproverGroup(Document):
    """A group of approvers with its own count."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "name": "The group, as the identity store knows it.",
        "quorum": "How many approvals of its members are needed.",
    }

    name: Group
    quorum: Whole = Field(default=1, ge=1, le=limits.APPROVERS_MAX)


class Escalation(Document):
    """Who is asked when the time is up, and for how long."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "approvers": 'Who may decide now: names, or "group:" and a name.',
        "quorum": "How many approvals pass the gate.",
        "timeout": "How long they have, with a unit; then the gate rejects.",
    }

    approvers: tuple[Person, ...] = Field(min_length=1, max_length=limits.APPROVERS_MAX)
    quorum: Whole = Field(default=1, ge=1, le=limits.APPROVERS_MAX)
    timeout: Duration = limits.GATE_TIMEOUT_MS


class PeopleConfig(Document):
    """Who is asked, by a gate or by an agent, and until when."""

    approvers: tuple[Person, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    groups: tuple[ApproverGroup, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    quorum: Whole = Field(default=1, ge=1, le=limits.APPROVERS_MAX)
    timeout: Duration = limits.GATE_TIMEOUT_MS
    on_timeout: Literal["reject", "escalate"] = "reject"
    escalate_to: Escalation | None = None
    remind_every: Duration | None = None
    exclude: tuple[Literal["starter", "author"], ...] = ()
    identity: tuple[Literal["claimed", "verified", "slack", "github"], ...] | None = Field(
        default=None, min_length=1
    )


class GateMember(Document):
    """An agent stage that votes at a consensus gate."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "stage": "The agent stage whose result is its vote.",
        "weight": "How much its vote counts.",
        "min_confidence": "Below this confidence, 0 to 1, people decide.",
    }

    stage: str
    weight: Whole = Field(default=1, ge=1, le=100)
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)


class ClarifiersConfig(PeopleConfig):
    """Who clarifies the plan of an agent that has spent its error budget."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "approvers": 'Who may answer: names, or "group:" and a name.',
        "groups": "Groups that must each reach a count of their own.",
        "quorum": "How many have to say the same; of members alone, the weight they need.",
        "timeout": "How long they have, with a unit; then the stage is rejected.",
        "on_timeout": "What happens then; a plan is never clarified by time.",
        "escalate_to": "Who is asked when the time is up, or when members do not decide.",
        "remind_every": "How often they are reminded, with a unit.",
        "exclude": "Who may not answer: who started the run, who registered the plan.",
        "identity": "How they must be known; default: as the worker demands.",
        "members": "Agent stages whose agents are asked about the clarified plan: a council.",
    }

    members: tuple[GateMember, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)


class QuestionsConfig(PeopleConfig):
    """Who answers what an agent asks, and how long it is left waiting for that."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "approvers": 'Who may answer: names, or "group:" and a name.',
        "groups": "Groups that must each reach a count of their own.",
        "quorum": "How many have to say the same.",
        "timeout": "How long a question waits, with a unit; then the stage is rejected.",
        "on_timeout": "What happens then; no default is ever applied.",
        "escalate_to": "Who is asked when the time is up.",
        "remind_every": "How often they are reminded, with a unit.",
        "exclude": "Who may not answer: who started the run, who registered the plan.",
        "identity": "How they must be known; default: as the worker demands.",
        "park_after": "How long the agent is left waiting, up to 1h; default: 5m. Then it ends, "
        "and begins again with the answer.",
    }

    park_after: ParkAfter | None = None
