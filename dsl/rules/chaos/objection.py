"""What an oracle says: what was expected, what was found, and where; and what an oracle is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dsl.rules.chaos.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Objection:
    """Governance did not hold at one place."""

    oracle: str
    expected: str
    found: str
    where: str  # an event of a history, an entry of the ledger, a key, a process

    def __str__(self) -> str:
        return f"{self.oracle}: expected {self.expected}, found {self.found} ({self.where})"


@dataclass(frozen=True, slots=True)
class Finding:
    """What an oracle found; ``judge`` says which oracle it was."""

    expected: str
    found: str
    where: str


@dataclass(frozen=True, slots=True)
class Oracle:
    """One question that is asked after every experiment."""

    name: str
    asks: str  # what has to hold, as a sentence
    look: Callable[[Evidence], Iterable[Finding]]
