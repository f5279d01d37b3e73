"""Is a token that an agent was given left behind? Pure.

1. The token of a run that is over is ended at once; that of a run at work is left alone.
2. A run that the engine does not know may have begun a moment ago, for its answer may lag: such a
   token, and one that names no run, is ended once it is older than ``GRACE_S``.
3. What cannot be found out now is not judged now.
4. A token that names the attempt it was minted for is ended as well once that attempt is over,
   though its run is not: whoever held it has died, or has lost its place to the next. What is under
   way is asked after the token was seen, so none of an attempt that goes on is ended.
5. A lease that should have ended longer than ``GRACE_S`` ago is stuck: its target is away, or has
   refused to let it go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

GRACE_S: Final = 60


class RunState(Enum):
    """What the engine says of the run a token was minted for."""

    AT_WORK = "at work"
    OVER = "over"
    UNKNOWN = "unknown"  # to the engine, or to the token itself
    NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class RunAtWork:
    """What the engine says of a run, and the attempts of activities that are under way in it."""

    state: RunState
    attempts: frozenset[tuple[str, str]] = frozenset()  # id of the activity, number of the attempt


class SweepVerdict(Enum):
    """What becomes of a token."""

    KEEP = "keep"
    REVOKE = "revoke"
    LATER = "later"


def judge(run: RunAtWork, age_s: int, attempt: tuple[str, str] | None = None) -> SweepVerdict:
    """Say what becomes of a token of ``run`` that was minted ``age_s`` seconds ago.

    ``attempt`` is that of the activity it was minted for, where the token names it.
    """
    match run.state:
        case RunState.OVER:
            return SweepVerdict.REVOKE  # (1) the run is over
        case RunState.UNKNOWN if age_s > GRACE_S:
            return SweepVerdict.REVOKE  # (2) older than the grace
        case RunState.NOT_TOLD:
            return SweepVerdict.LATER  # (3) not judged now
        case RunState.AT_WORK if attempt is not None and attempt not in run.attempts:
            return SweepVerdict.REVOKE  # (4) its attempt is over
        case _:
            return SweepVerdict.KEEP


def is_stuck(left_s: int) -> bool:
    """Tell whether a lease that has ``left_s`` seconds to live should be gone by now (5)."""
    return left_s < -GRACE_S
