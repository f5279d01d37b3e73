"""What a gate has come to at some moment, as it is counted anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Subject = Mapping[str, Mapping[str, str]]  # digests by stage and name


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether people, or members, have approved, why, and what."""

    approved: bool
    why: str
    subject: Subject = field(default_factory=dict)
    answer: str = ""  # of those who approved, where they were asked how a plan is clarified
