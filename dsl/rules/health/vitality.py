"""Is something that is looked at again and again alive, suspect or dead? Pure.

What is counted is plain: looks that went well and looks that did not, in a row. Why nothing finer
is in docs/adr/0035. The rules:

1. A look finds it *good*, *poor* or *gone*. Poor is what works and needs somebody: a clock that is
   off, a disk that fills. ``POOR_MIN`` such looks in a row make it suspect, and never dead: what a
   start or a change brings with it for a moment is nobody's business.
2. One look that finds it gone makes it suspect; ``GONE_MAX`` in a row make it dead.
3. What is dead is suspect at the first look that does not find it gone, and what is suspect alive
   after ``GOOD_MIN`` good looks in a row: it comes back in two steps, so that what comes and goes
   is not called alive in between.
4. What has never been looked at is unknown. Its looks decide as any others do, but a good one makes
   it alive at once: there is nothing it would have to come back from.
5. On record comes what lasts: that it is dead, that it is poor, and that it is alive again. One
   look that found it gone is no fact.
6. A time stands for the moment a state began, and only moves when the state does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

GONE_MAX: Final = 3  # looks in a row (2)
GOOD_MIN: Final = 2  # looks in a row (3)
POOR_MIN: Final = 2  # looks in a row (1)


class Grade(StrEnum):
    """What one look finds (1)."""

    GOOD = "good"
    POOR = "poor"
    GONE = "gone"


class Vitality(StrEnum):
    """What something is that is looked at."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Pulse:
    """Something that is looked at, as it is now."""

    state: Vitality = Vitality.UNKNOWN
    since_ms: int = 0
    good: int = 0  # looks in a row
    poor: int = 0  # likewise
    gone: int = 0  # likewise

    @property
    def is_settled(self) -> bool:
        """Tell whether more looks like the last one would change nothing."""
        return bool(
            self.good >= GOOD_MIN
            or self.poor >= POOR_MIN
            or self.gone >= GONE_MAX
            or (self.good and self.state is Vitality.ALIVE)
            or (self.gone and self.state is Vitality.DEAD)
        )


def looked(pulse: Pulse, grade: Grade, now_ms: int) -> Pulse:
    """Return what a look makes of it."""
    good = pulse.good + 1 if grade is Grade.GOOD else 0
    poor = pulse.poor + 1 if grade is Grade.POOR else 0
    gone = pulse.gone + 1 if grade is Grade.GONE else 0
    counted = replace(
        pulse, good=min(good, GOOD_MIN), poor=min(poor, POOR_MIN), gone=min(gone, GONE_MAX)
    )
    state = _state(counted, grade)
    if state is pulse.state:
        return counted  # (6) its time does not move
    return replace(counted, state=state, since_ms=now_ms)


def _state(counted: Pulse, grade: Grade) -> Vitality:
    """Return what it is now; ``counted`` has the state that it was in."""
    was = counted.state
    is_new = was in (Vitality.UNKNOWN, Vitality.ALIVE)
    if grade is Grade.GONE:
        # (2) the third in a row; what is dead stays so
        is_dead = counted.gone >= GONE_MAX or was is Vitality.DEAD
        return Vitality.DEAD if is_dead else Vitality.SUSPECT
    if grade is Grade.POOR:  # (1) never dead, and not for a moment
        return was if is_new and counted.poor < POOR_MIN else Vitality.SUSPECT
    if is_new:  # (4) nothing to come back from
        return Vitality.ALIVE
    # (3) in two steps
    return Vitality.ALIVE if counted.good >= GOOD_MIN else Vitality.SUSPECT


def to_record(recorded: Vitality, pulse: Pulse, grade: Grade | None) -> Vitality | None:
    """Return what is to be recorded beside what was recorded last; None: nothing (5)."""
    lasts = pulse.state in (Vitality.ALIVE, Vitality.DEAD) or (
        pulse.state is Vitality.SUSPECT and grade is Grade.POOR
    )
    return pulse.state if lasts and pulse.state is not recorded else None
