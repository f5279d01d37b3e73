"""Points in the history of a run to which it can be taken back, and what each would undo.

1. Before each stage is a point: the workflow task in which it began. What began in that task begins
   again with it.
2. An agent that was at work at a point would be left behind half-way. So the run is taken back to
   before that agent as well, until nothing was at work: what is repeated is whole.
3. A gate that was open at a point is opened anew, and whatever was decided after the point is void.
   No approval survives being taken back to before it.
4. Of a stage that was begun several times (its agent has asked people) the first time counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class _Began:
    """One stage that has begun."""

    path: str
    event: int
    time: str
    decided: int  # how many openings were decided by then
    is_gate: bool
    ended: int = 0  # the event by which that was known; 0: it has not


class Checkpoints:
    """The points of one run, as it goes on."""

    def __init__(self, decided: Sequence[Mapping[str, Any]]) -> None:
        """Take what was decided at gates, which grows by itself, in order."""
        self._decided = decided
        self._began: dict[str, _Began] = {}

    def begin(self, path: str, event: int, time: str, *, is_gate: bool = False) -> None:
        """Be told that a stage begins in the workflow task that ``event`` will complete."""
        known = self._began.get(path)
        if known is not None:  # (4) the first time counts
            known.ended = 0
            return
        self._began[path] = _Began(path, event, time, len(self._decided), is_gate)

    def end(self, path: str, event: int) -> None:
        """Be told that it has ended, however; harmless where it never began."""
        if path in self._began:
            self._began[path].ended = event

    def points(self) -> list[dict[str, Any]]:
        """Return every point, in the order of their events.

        ``event_id`` is where the stage began; ``reset_to`` where nothing is left half-way (2).
        """
        return [self._point(each) for each in self._began.values()]

    def _point(self, wanted: _Began) -> dict[str, Any]:
        back = self._whole(wanted)
        repeats = [each.path for each in self._began.values() if _is_undone(each, back.event)]
        voids = [str(row.get("gate")) for row in self._decided[back.decided :]]
        return {
            "before": wanted.path,
            "event_id": wanted.event,
            "time": wanted.time,
            "reset_to": back.event,
            "repeats": repeats,
            "voids": list(dict.fromkeys(voids)),
        }

    def _whole(self, wanted: _Began) -> _Began:
        """Return the latest point, not after ``wanted``, at which no agent was at work (2)."""
        back = wanted
        while True:
            busy = [each for each in self._began.values() if _is_at_work(each, back.event)]
            if not busy:
                return back
            back = min(busy, key=lambda each: each.event)


def _is_at_work(each: _Began, event: int) -> bool:
    return not each.is_gate and each.event < event and (not each.ended or each.ended > event)


def _is_undone(each: _Began, event: int) -> bool:
    return each.event >= event or not each.ended or each.ended > event
