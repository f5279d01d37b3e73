"""What an attempt may have done by the time it fails, so that no failure of ours does it twice.

1. Once an agent's program may have started, an exception that nobody knows is final: another
   attempt would start it again, for a mistake that it would meet again.
2. What EXECUTE has delivered and we cannot keep is ``OutcomeLostError``: the effect is there, and
   only the pipeline's ``retry:`` says that it may be repeated.
3. The same holds for a program that a person has stopped by resetting or pausing the activity.
   Temporal would start it again; how often that may be is not for its command line to say.
4. What an agent has erred for its budget is told with the end of the attempt that is meant, and
   with every sign of life, so that it outlives the attempt: the next one tells it as well. The
   newest are told in words, where a plan is to be clarified.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities.contracts.resumption import Erred
from dsl.limits import ERROR_BUDGET_MAX, ERROR_WORDS_LENGTH_MAX, ERROR_WORDS_MAX


class OutcomeLostError(Exception):
    """A program has acted, and what it has delivered, or would have, is not kept (2) (3)."""


@dataclass(slots=True)
class Attempt:
    """One attempt of an activity."""

    may_have_acted: bool = False
    tells: tuple[Any, ...] = ()  # with each sign of life; the server keeps the last of them
    # (4) ids of errors, and when they were made; the newest in words
    erred: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def told(self) -> Erred:
        """Return what the agent has erred, as it is told (4)."""
        return Erred(errors=self.erred, words=self.words)


_attempt: ContextVar[Attempt] = ContextVar("attempt")


@contextmanager
def attempt() -> Iterator[Attempt]:
    """Watch over one attempt; who runs in it may call ``acts``."""
    before = erred_before()
    watched = Attempt(erred=dict(before.errors), words=dict(before.words))
    token = _attempt.set(watched)
    try:
        yield watched
    finally:
        _attempt.reset(token)


def acts() -> None:
    """Note that from here on an agent's program may have started (1)."""
    _attempt.get().may_have_acted = True


def tell(*details: Any) -> None:
    """Give a sign of life, and have every further one tell the same: the last one is kept."""
    _attempt.get().tells = details
    beat()


def beat() -> None:
    """Give a sign of life."""
    this = _attempt.get()
    erred = (this.told().model_dump(mode="json"),) if this.erred else ()
    activity.heartbeat(*this.tells, *erred)


def err(error_id: str, at_ms: int, words: str = "") -> None:
    """Note an error of the agent, once, and tell the server at once; the newest are kept (4)."""
    this = _attempt.get()
    this.erred.setdefault(error_id, at_ms)
    if words:
        this.words.setdefault(error_id, words[:ERROR_WORDS_LENGTH_MAX])
    for kept, most in ((this.erred, ERROR_BUDGET_MAX), (this.words, ERROR_WORDS_MAX)):
        while len(kept) > most:
            del kept[next(iter(kept))]
    beat()  # (4) else an attempt that ends before the next sign of life would take it along


def erred() -> dict[str, int]:
    """Return the errors noted so far, with those of the attempts before (4)."""
    return _attempt.get().erred


def erred_before() -> Erred:
    """Return what the attempts before this one have told (4)."""
    for detail in reversed(activity.info().heartbeat_details):
        try:
            return Erred.model_validate(detail)
        except ValidationError:
            continue
    return Erred(errors={})


def stopped_by_hand() -> OutcomeLostError | None:
    """Return what to raise in place of a cancel that a person has caused at the activity (3)."""
    why = activity.cancellation_details()
    if why is None or why.cancel_requested or not _attempt.get().may_have_acted:
        return None
    verb = "reset" if why.reset else "pause" if why.paused else None
    if verb is None:
        return None
    return OutcomeLostError(
        f"its program was stopped at work by `temporal activity {verb}`, and is not started again "
        "for that: see what it has done, then repeat the stage with `temporal workflow reset`"
    )
