"""Error budgets: how many errors an agent may make within a sliding window.

The rules:

1. What counts is an ``error`` message, a failed try of its program, and a violation. What a store
   or a worker fails at is none of its errors.
2. An error counts once, however often it is told: its id says where it was made, and leaves the
   attempt out.
3. The budget is spent when the window holds as many errors as it allows: none is left. An error is
   in the window for exactly as long as the window is.
4. Who errs is an identity: what it did in one run is counted in the next.
5. The burn rate is what the window holds of what it allows, in percent.
6. A clarified plan begins with a whole budget: errors until then are those of the plan before. That
   holds for its stage alone: whatever else the agent does is asked of all errors in the window.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dsl.core import ErrorBudget
from dsl.values.durations import render_duration

_ID_LENGTH: Final = 32  # characters of a digest
_SECOND_MS: Final = 1000


class Erred(StrEnum):
    """What counts as an error (1)."""

    MESSAGE = "error"
    TRY = "try"
    VIOLATION = "violation"


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """How much of a budget is used up now."""

    errors: int  # within the window
    budget: ErrorBudget
    free_in_ms: int = 0  # until one more error is allowed; 0: now
    last_ms: int = 0  # when the newest of them was made; 0: there is none

    @property
    def is_spent(self) -> bool:
        """Tell whether none is left (3)."""
        return self.errors >= self.budget.errors

    @property
    def left(self) -> int:
        """Return how many errors are left."""
        return max(0, self.budget.errors - self.errors)

    @property
    def burn(self) -> int:
        """Return the burn rate in percent (5)."""
        return self.errors * 100 // self.budget.errors

    def sentence(self, agent: str) -> str:
        """Say that it is spent, and until when."""
        window = render_duration(self.budget.window_ms)
        free_in = _seconds(self.free_in_ms)
        errors = "1 error" if self.errors == 1 else f"{self.errors} errors"
        are = "is" if self.budget.errors == 1 else "are"
        return (
            f"error budget of {agent} spent: {errors} within {window}, {self.budget.errors} {are} "
            f"allowed; the next is free in {free_in}"
        )

    def brief(self) -> str:
        """Return it in a few words; empty where nothing is used up."""
        if not self.errors:
            return ""
        window = render_duration(self.budget.window_ms)
        return f"error budget: {self.errors} of {self.budget.errors} used within {window}"

    def burning(self) -> str:
        """Return how fast it is used up, also where nothing is."""
        window = render_duration(self.budget.window_ms)
        used = f"{self.errors} of {self.budget.errors} used within {window}"
        spent = f"; spent, the next is free in {_seconds(self.free_in_ms)}" if self.is_spent else ""
        return f"{used}, burn rate {self.burn} %{spent}"

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "errors": self.errors,
            "allowed": self.budget.errors,
            "window": render_duration(self.budget.window_ms),
            "left": self.left,
            "burn_percent": self.burn,
            "free_in_s": -(-self.free_in_ms // _SECOND_MS),
        }


def _seconds(milliseconds: int) -> str:
    """Return a while in whole seconds, rounded up."""
    return render_duration(-(-milliseconds // _SECOND_MS) * _SECOND_MS)


def error_id(workflow: str, run: str, place: str, what: Erred, which: object = "") -> str:
    """Return the id of one error; ``place`` is the id of an activity, without its attempt (2)."""
    text = "\0".join((workflow, run, place, what, str(which)))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:_ID_LENGTH]


def read_budget(
    times: Iterable[int], now_ms: int, budget: ErrorBudget, *, since_ms: int = 0
) -> BudgetReading:
    """Return how much is used up at ``now_ms`` by errors made at ``times``, after ``since_ms``."""
    # (6) what came until then is of the plan before
    held = sorted(at for at in times if at > since_ms and now_ms - at < budget.window_ms)
    surplus = len(held) - budget.errors
    # (3) one is free when all but one fewer than it allows have left the window
    free_in = held[surplus] + budget.window_ms - now_ms if surplus >= 0 else 0
    last = held[-1] if held else 0
    return BudgetReading(errors=len(held), budget=budget, free_in_ms=free_in, last_ms=last)
