"""What a ledger knows of earlier suggestions: read from its file, beside its writer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dsl.actions import REVIEW_OUTCOME
from dsl.review.outcome import SuggestionOutcome, outcome_in
from integrations.errors import NotFoundError
from integrations.ledger.entries import Entry
from integrations.ledger.lookup import latest

OUTCOMES_MAX: Final = 10_000  # of which is learned: the latest


def recorded(path: Path) -> list[SuggestionOutcome]:
    """Return the outcomes on a ledger in their order; none where there is no ledger."""
    try:
        return [outcome for _, outcome in told_in(path)]
    except NotFoundError:
        return []


def told_in(path: Path) -> list[tuple[Entry, SuggestionOutcome]]:
    """Return the entries that tell of an outcome with what they tell, in their order.

    Raises:
        NotFoundError: there is no ledger.
    """
    entries = latest(path, REVIEW_OUTCOME, OUTCOMES_MAX)[::-1]
    found = ((entry, outcome_in(entry.payload)) for entry in entries)
    return [(entry, outcome) for entry, outcome in found if outcome is not None]
