"""What became of a suggestion, as the ledger has it (``dsl.actions.REVIEW_OUTCOME``).

Whoever reads entries of others takes what has this form and leaves out the rest: an entry that
cannot be read teaches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dsl.review.remedy import Remedy
from dsl.review.suggestion import SUGGESTION_PATTERN


class OutcomeKind(StrEnum):
    """What became of a suggestion."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True)
class SuggestionOutcome:
    """One outcome, in the order of the ledger."""

    suggestion: str
    remedy: Remedy
    outcome: OutcomeKind


def outcome_in(payload: Mapping[str, Any]) -> SuggestionOutcome | None:
    """Return the outcome that an entry tells of; None: it tells of none."""
    try:
        name = str(payload["suggestion"])
        return SuggestionOutcome(name, remedy_in(name), OutcomeKind(payload["outcome"]))
    except (KeyError, ValueError):
        return None


def remedy_in(suggestion: str) -> Remedy:
    """Return the remedy that the name of a suggestion begins with.

    Raises:
        ValueError: it is no name of a suggestion.
    """
    if re.fullmatch(SUGGESTION_PATTERN, suggestion) is None:
        raise ValueError(
            f"{suggestion[:80]!r} is no name of a suggestion: expected one such as "
            "pin-dependency-0123456789ab"
        )
    name = suggestion.rpartition("-")[0]
    if name not in [each.value for each in Remedy]:
        raise ValueError(
            f"{suggestion[:80]!r} is no name of a suggestion: {name[:80]!r} is no remedy, expected "
            f"{', '.join(Remedy)}"
        )
    return Remedy(name)
