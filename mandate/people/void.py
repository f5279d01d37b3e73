"""Messages that had no effect on a run, as it tells them itself: a vote before its gate was open.

A signal cannot be refused, so whoever sent one learns of it here only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.shown.surfaces import Terminal

SHOWN_MAX: Final = 3  # of one run, the newest


@dataclass(frozen=True, slots=True)
class Void:
    """What had no effect, oldest first, and how many more the run does not remember."""

    messages: tuple[Mapping[str, Any], ...] = ()
    dropped: int = 0

    @property
    def count(self) -> int:
        """Return how many there were."""
        return len(self.messages) + self.dropped


def void_of(status: Mapping[str, Any]) -> Void:
    """Return them, of an answer to ``status``; what is not of the expected shape is none."""
    told, dropped = status.get("void_messages"), status.get("void_messages_dropped")
    rows = told if isinstance(told, list) else ()
    return Void(
        tuple(row for row in rows if isinstance(row, dict)),
        dropped if isinstance(dropped, int) else 0,
    )


def void_words(void: Void) -> Terminal:
    """Say in a few words that there were some, and why the newest had no effect."""
    if not void.messages:
        return Terminal()
    words = (void.count, void.messages[-1].get("name", ""), void.messages[-1].get("why", ""))
    return Terminal.of("{} void, last: {}: {}", *words)


def void_lines(void: Void) -> Iterator[Terminal]:
    """Yield the newest, and how many there are beside."""
    shown = void.messages[-SHOWN_MAX:]
    for each in shown:
        words = (each.get("time", ""), each.get("name", ""), each.get("why", ""))
        yield Terminal.of("{}  {} had no effect: {}", *words)
    if void.count > len(shown):
        yield Terminal.of("and {} more", void.count - len(shown))
