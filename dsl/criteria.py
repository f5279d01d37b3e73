"""What an agent has to have done before it may be raised, and who has to agree: the document.

Only the shape is here. ``dsl.promotion`` reads it and refuses what lies below the floor,
``dsl.rules.trust.promotion`` decides by it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from dsl import limits
from dsl.core import Tier
from dsl.stages.fields import Person
from dsl.stages.people import ApproverGroup
from dsl.stages.stage import Document
from dsl.values.durations import Duration, parse_duration

SPAN_MS_MAX: Final = 3_650 * 86_400_000
RUNS_MAX: Final = 10_000


def _span(value: Any) -> int:
    return parse_duration(value, least=0, most=SPAN_MS_MAX)


# Milliseconds as an int, written with a unit: how far back somebody looks.
Span = Annotated[int, BeforeValidator(_span)]


class ConsentConfig(Document):
    """Who has to agree, and for how long they are asked; time running out rejects."""

    approvers: tuple[Person, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    groups: tuple[ApproverGroup, ...] = Field(default=(), max_length=limits.APPROVERS_MAX)
    quorum: int = Field(default=1, ge=1, le=limits.APPROVERS_MAX)
    timeout: Duration = limits.GATE_TIMEOUT_MS
    identity: Literal["claimed", "verified"] = "verified"
    reason: Literal["optional", "required"] = "required"

    @property
    def persons(self) -> int:
        """Return the least number of different persons who can pass it."""
        return max(self.quorum, *(group.quorum for group in self.groups), 1)


class TierCriteria(Document):
    """What has to hold before an agent may be raised to one tier: all of it."""

    compliant_runs: int = Field(ge=1, le=RUNS_MAX)
    age: Span
    no_violations_for: Span
    budget_burn_max: int = Field(ge=0, le=100)
    evidence: Literal["verified"]
    gate: ConsentConfig


class Tiers(Document):
    """The criteria by the tier they lead to; nobody is raised to one that is left out."""

    T1: TierCriteria | None = None
    T2: TierCriteria | None = None
    T3: TierCriteria | None = None
    T4: TierCriteria | None = None


class Reinstatement(Document):
    """Who has to agree that a revoked agent comes back."""

    gate: ConsentConfig


class Criteria(Document):
    """The whole document."""

    tiers: Tiers
    after_demotion: Span
    reinstatement: Reinstatement

    def to(self, tier: Tier) -> TierCriteria | None:
        """Return what has to hold for ``tier``; None: nobody is raised to it."""
        found: TierCriteria | None = getattr(self.tiers, tier.name, None)
        return found
