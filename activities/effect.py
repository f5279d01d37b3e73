"""What an attempt may have done by the time it fails, so that no failure of ours does it twice.

1. Once an agent's program may have started, an exception that nobody knows is final: another
   attempt would start it again, for a mistake that it would meet again.
2. What EXECUTE has delivered and we cannot keep is ``OutcomeLostError``: the effect is there, and
   only the pipeline's ``retry:`` says that it may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class OutcomeLostError(Exception):
    """A program has delivered, and what it delivered is not kept (2)."""


@dataclass(slots=True)
class Attempt:
    """One attempt of an activity."""

    may_have_acted: bool = False


_attempt: ContextVar[Attempt] = ContextVar("attempt")


@contextmanager
def attempt() -> Iterator[Attempt]:
    """Watch over one attempt; who runs in it may call ``acts``."""
    watched = Attempt()
    token = _attempt.set(watched)
    try:
        yield watched
    finally:
        _attempt.reset(token)


def acts() -> None:
    """Note that from here on an agent's program may have started (1)."""
    _attempt.get().may_have_acted = True
