"""Whom a gate excludes, by what the ledger says of a run's start and of its plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from dsl.actions import START_PROVEN
from dsl.plan import GateStep
from dsl.rules.reconciliation.recorded import Recorded

_REGISTERED: Final = "plan.registered"


def excluded_of(
    step: GateStep, entries: Sequence[Recorded], runs: Collection[str], plan: str
) -> frozenset[str]:
    """Return the names and entities of those whom the gate excludes.

    Raises:
        ValueError: nobody knows who that is.
    """
    found: set[str] = set()
    for role in step.exclude:
        named = [words for entry in entries for words in _of(role, entry, runs, plan)]
        if not named:
            raise ValueError(f"gate {step.path!r} excludes the {role}, and nobody is that")
        found |= {str(word) for words in named for word in words if word}
    return frozenset(found)


def _of(role: str, entry: Recorded, runs: Collection[str], plan: str) -> Iterator[tuple[Any, Any]]:
    is_start = entry.action == START_PROVEN and entry.run_id in runs
    is_plan = entry.action == _REGISTERED and entry.payload.get("digest") == plan
    if (role == "starter" and is_start) or (role == "author" and is_plan):
        name = "author" if is_plan else "name"
        yield entry.payload.get("entity"), entry.payload.get(name)
