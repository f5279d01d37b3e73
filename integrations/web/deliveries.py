"""What has been delivered already, so that the second time is no second deed.

1. A delivery is one by the sender's id for it, within ``KEPT_S``, and by its bytes, within
   ``REPLAY_S``: an id in a header is not signed, so whoever replays a body may write another one.
2. The first is under way until it is answered; who sends it again meanwhile is told so. What failed
   or was refused counts as not delivered, and may come again. Who learns of that late forgets its
   own delivery, and none that came after it.
3. At most ``KEPT_MAX`` are remembered, by this process, so what is done for a delivery has an id
   made of it besides: a vote the id of its update, a run its workflow id.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

KEPT_S: Final = 3_600.0
REPLAY_S: Final = 300.0
KEPT_MAX: Final = 50_000


class Seen(Enum):
    """What is known of a delivery."""

    NEW = "new"
    UNDER_WAY = "under way"
    DONE = "done"


@dataclass(slots=True, eq=False)
class _Kept:
    until: float
    state: Seen


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was known of a delivery when it came, and where it is remembered if it is new."""

    seen: Seen
    places: tuple[tuple[str, _Kept], ...] = ()


class Deliveries:
    """Remembers what was delivered."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, kept_max: int = KEPT_MAX
    ) -> None:
        """Begin without a memory."""
        self._clock = clock
        self._max = kept_max
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def begin(self, *names: tuple[str, float]) -> Arrival:
        """Say what is known of a delivery of these names, and for how long each is kept (1)."""
        now = self._clock()
        for name, _ in names:
            kept = self._kept.get(name)
            if kept is not None and kept.until > now:
                return Arrival(kept.state)
        places = tuple((name, _Kept(now + kept_s, Seen.UNDER_WAY)) for name, kept_s in names)
        for name, kept in places:
            self._kept[name] = kept
            self._kept.move_to_end(name)
        while len(self._kept) > self._max:  # (3) the oldest is forgotten
            self._kept.popitem(last=False)
        return Arrival(Seen.NEW, places)

    def done(self, begun: Arrival) -> None:
        """Remember that it was delivered."""
        for _, kept in begun.places:
            kept.state = Seen.DONE

    def failed(self, begun: Arrival) -> None:
        """Forget it, and none that came after it (2)."""
        for name, kept in begun.places:
            if self._kept.get(name) is kept:
                del self._kept[name]
