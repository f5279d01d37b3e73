"""Points in the history of a run to which it can be taken back, and what each would undo.

1. Before each stage is a point: the workflow task in which it began. What began in that task begins
   again with it.
2. An agent that was at work at a point would be left behind half-way. So the run is taken back to
   before that agent as well, until nothing was at work: what is repeated is whole.
3. What people have decided before a point stands, also where that was not on the ledger yet; it is
   put there before anything behind goes on. A gate that was open at a point is opened anew: what
   was decided there in the task of the point or later is void, and so are votes that have decided
   nothing yet. No approval survives being taken back to before it.
4. What people have signed for a stage of T3 or T4 is good in one run only: between the first gate
   before such a stage and the stage's end nothing can be taken back to. It goes back to before the
   gate, as for an agent at work (2). A stage that the run has passed over is as one that has ended.
5. Of a stage that was begun several times (its agent has asked people) the first time counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NO_STAGE: Final = "there is no stage or gate"  # which a run says of a point before none of its own


@dataclass(slots=True)
class _Began:
    """One stage that has begun."""

    path: str
    event: int
    time: str
    is_gate: bool
    ended: int = 0  # the event by which that was known; 0: it has not


class Checkpoints:
    """The points of one run, as it goes on."""

    def __init__(
        self,
        decided: Sequence[tuple[str, int]],
        voted: Callable[[], Iterable[str]] = tuple,
        acting: Callable[[], Mapping[str, Collection[str]]] = dict,
    ) -> None:
        """Prepare.

        Args:
            decided: at which gate, and in which task; it grows by itself.
            voted: returns the gates that are open and have votes (3).
            acting: returns, by gate, the stages for which its votes are verified again (4).
        """
        self._decided = decided
        self._voted = voted
        self._acting = acting
        self._began: dict[str, _Began] = {}
        self._never: dict[str, int] = {}  # by which event that was known

    def begin(self, path: str, event: int, time: str, *, is_gate: bool = False) -> None:
        """Be told that a stage begins in the workflow task that ``event`` will complete."""
        known = self._began.get(path)
        if known is not None:  # (5) the first time counts
            known.ended = 0
            return
        self._began[path] = _Began(path, event, time, is_gate)

    def end(self, path: str, event: int) -> None:
        """Be told that it has ended, however; harmless where it never began."""
        if path in self._began:
            self._began[path].ended = event

    def never(self, path: str, event: int) -> None:
        """Be told that by then it is passed over for good; harmless where it has begun."""
        if path not in self._began:
            self._never.setdefault(path, event)

    def points(self, before: str | None = None) -> list[dict[str, Any]]:
        """Return every point, in the order of their events.

        ``event_id`` is where the stage began; ``reset_to`` where nothing is left half-way (2). What
        is repeated and made void is told of the point before one stage: of all it grows with the
        square of their number.
        """
        wholes = self._wholes()
        return [
            {
                "before": path,
                "event_id": each.event,
                "time": each.time,
                "reset_to": wholes[path].event,
                **(self._undone(wholes[path]) if path == before else {}),
            }
            for path, each in self._began.items()
        ]

    def _undone(self, back: _Began) -> dict[str, list[str]]:
        """Return what is undone by going back to that point."""
        decided = dict(self._decided)
        repeats = [
            each.path
            for each in self._began.values()
            if _is_undone(each, back.event, decided.get(each.path, 0))
        ]
        voids = [gate for gate, event in self._decided if event >= back.event]  # (3) void
        return {"repeats": repeats, "voids": list(dict.fromkeys([*voids, *self._voted()]))}

    def _wholes(self) -> dict[str, _Began]:
        """Return, for each stage, the latest point not after it at which nothing was (2) (4).

        Agents that were at work one across the start of another are gone back to before together:
        to where the first of them began.
        """
        wholes: dict[str, _Began] = {}
        acting = self._acting()
        first: _Began | None = None
        until = 0.0  # when all have ended that began with the first or across another
        for each in sorted(self._began.values(), key=lambda each: each.event):
            is_amid = first is not None and first.event < each.event < until
            wholes[each.path] = first if first is not None and is_amid else each
            lasts = self._lasts(each, acting)
            if not lasts:
                continue
            if not is_amid and each.event >= until:
                first, until = each, 0.0
            until = max(until, lasts)
        return wholes

    def _lasts(self, each: _Began, acting: Mapping[str, Collection[str]]) -> float:
        """Return the event until which nothing can be taken back to from its start; 0: none."""
        if not each.is_gate:
            return each.ended or math.inf
        # (4) good in one run: until the last of them has ended
        return max(map(self._over, acting.get(each.path, ())), default=0.0)

    def _over(self, path: str) -> float:
        stage = self._began.get(path)
        return (stage.ended if stage is not None else self._never.get(path, 0)) or math.inf


def _is_undone(each: _Began, event: int, decided: int) -> bool:
    ended = decided or each.ended - 1  # (3) decided in the task of the point; ended by it
    return each.event >= event or ended < 0 or ended >= event


def phase_points(entered: Sequence[tuple[str, int]]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the point before each phase of a stage: the event of its first try, what it repeats.

    Args:
        entered: phases in the order in which they began, each with the event in which it did.
    """
    first: dict[str, int] = {}
    for phase, event in entered:
        first.setdefault(phase, event)
    return {
        phase: (at, tuple(dict.fromkeys(name for name, event in entered if event >= at)))
        for phase, at in first.items()
    }
