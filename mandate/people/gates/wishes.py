"""What a person has typed to answer a gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

APPROVE: Final = "approve"
REJECT: Final = "reject"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed."""

    run: str
    gate: str
    decision: str
    reason: str = ""
    is_answer: bool = False  # the reason is meant as one to a question
