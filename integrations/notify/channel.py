"""What every kind of destination does: take a message, and have it be there once.

1. A message has an id that it keeps over all tries: that of its event. Where a try says that it is
   not the first, whatever is there under that id is not sent again.
2. What a channel must know for the next message it returns: a few short words, which are public to
   whoever reads histories. Nothing secret is among them.
3. It raises what ``integrations.errors`` has: away, refused, or when to come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import RunSnapshot


def kept_id(words: str) -> str:
    """Return the id of what these words name: 32 digits, the same over all tries (1)."""
    return hashlib.sha256(words.encode()).hexdigest()[:32]


class MessageChannel(Protocol):
    """One destination."""

    @property
    def has_board(self) -> bool:
        """Whether it shows the run as it is now, and is told of each change."""

    async def deliver(
        self, event: Event | None, run: RunSnapshot, known: Mapping[str, str], *, again: bool
    ) -> dict[str, str]:
        """Tell of ``event``; None: only the run looks otherwise. Return what is to be known."""
