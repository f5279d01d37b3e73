"""The names of a run's gates: each is known by its path, and by its bare name where that is unique.

An agent's question is a gate that no plan names: it is added when it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

TOLD_MAX: Final = 20  # gates in one message


class GateNames:
    """The gates of one run, by path and by name."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths: set[str] = set()
        self._by_name: dict[str, list[str]] = {}
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        """Learn of one more gate; of one that is known nothing is learnt."""
        if path not in self.paths:
            self.paths.add(path)
            self._by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)

    def resolve(self, name: str) -> str:
        """Return the path of the gate of that path, or of that name where there is one; or it."""
        if name in self.paths:
            return name
        matches = self._by_name.get(name, ())
        return matches[0] if len(matches) == 1 else name


def told(paths: Iterable[str]) -> str:
    """Name the first of ``paths``, and count the rest."""
    known = sorted(paths)
    rest = len(known) - TOLD_MAX
    return ", ".join(known[:TOLD_MAX]) + (f" and {rest} more" if rest > 0 else "") or "none"
