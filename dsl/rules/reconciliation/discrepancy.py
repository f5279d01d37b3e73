"""Where a ledger and a history, or a ledger and itself, do not agree."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One place: what was expected, what was found, and where."""

    expected: str
    found: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"
