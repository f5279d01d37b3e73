"""Which suggestion comes first, and what is learned from what became of earlier ones.

1. score = impact × confidence × acceptance ÷ effort, the greatest first; of equals the worse, then
   by name. Risk does not change the rank: it decides who is asked (``dsl.rules.review.decision``).
2. acceptance of a kind of suggestion is the mean of Beta(1 + accepted, 1 + refused), that is
   (1 + accepted) ÷ (2 + accepted + refused): a half where nothing is known.
3. Of a suggestion the last outcome counts and no earlier one. ``reverted`` counts as refused: it
   takes back the acceptance before it.
4. It is counted in fractions, so that the same outcomes give the same order on every machine; a
   score is shown with six digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from dsl.review.outcome import OutcomeKind, SuggestionOutcome
from dsl.review.remedy import Remedy
from dsl.review.suggestion import Suggestion
from dsl.rules.review.severity import rank

_DIGITS: Final = 6
_HALF: Final = Fraction(1, 2)


def acceptance(outcomes: Iterable[SuggestionOutcome]) -> dict[Remedy, Fraction]:
    """Return by kind how likely a suggestion is to be taken (2) (3)."""
    return {kind: share(*counts) for kind, counts in counted(outcomes).items()}


def counted(outcomes: Iterable[SuggestionOutcome]) -> dict[Remedy, tuple[int, int]]:
    """Return by kind how many suggestions were accepted, and of how many something is known (3)."""
    last = {each.suggestion: each for each in outcomes}
    counts: dict[Remedy, tuple[int, int]] = {}
    for each in last.values():
        accepted, known = counts.get(each.remedy, (0, 0))
        counts[each.remedy] = (accepted + (each.outcome is OutcomeKind.ACCEPTED), known + 1)
    return counts


def share(accepted: int, known: int) -> Fraction:
    """Return the acceptance of a kind (2)."""
    return Fraction(1 + accepted, 2 + known)


def ranked(
    suggestions: Iterable[Suggestion], accepted: Mapping[Remedy, Fraction]
) -> list[Suggestion]:
    """Return them with their scores, the first to be looked at first (1)."""
    scored = [(_score(each, accepted.get(each.remedy, _HALF)), each) for each in suggestions]
    scored.sort(key=lambda pair: (-pair[0], -rank(pair[1].severity), pair[1].id))
    return [
        each.model_copy(update={"score": f"{float(score):.{_DIGITS}f}"}) for score, each in scored
    ]


def _score(each: Suggestion, accepted: Fraction) -> Fraction:
    return Fraction(each.impact) * Fraction(str(each.confidence)) * accepted / each.effort
