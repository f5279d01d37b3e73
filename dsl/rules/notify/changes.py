"""What has happened between two looks at a run, each with a name of its own.

1. A happening has an id that the same happening always has, whoever looks and however often: by it
   it is told once.
2. What a reset has made undone happens anew: ids hold the id of the run, which a reset changes.
3. Who looks seldom misses nothing that is still so: a gate that was opened and decided between two
   looks is told of as decided. Of reminders only the last is told.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl.core import StageStatus, Value
from dsl.rules.notify.snapshot import DecidedSnapshot, GateSnapshot, RunSnapshot, StageSnapshot
from dsl.steps.notify import Happening


class Event(Value):
    """One thing that has happened in a run."""

    id: str  # (1) the same for the same happening
    kind: Happening
    gate: GateSnapshot | None = None
    decided: DecidedSnapshot | None = None
    stage: StageSnapshot | None = None


def changes(before: RunSnapshot | None, after: RunSnapshot) -> tuple[Event, ...]:
    """Return what has happened, in the order it is told."""
    known = before if before is not None and before.run == after.run else None  # (2) a reset
    return (
        *_decided(known, after),
        *_stages(known, after),
        *_gates(known, after),
        *_end(known, after),
    )


def _gates(known: RunSnapshot | None, after: RunSnapshot) -> Iterator[Event]:
    seen = {(each.path, each.opening): each for each in (known.gates if known else ())}
    for gate in after.gates:
        earlier = seen.get((gate.path, gate.opening))
        where = f"{gate.path}#{gate.opening}"
        if earlier is None:
            kind = Happening.GATE_ESCALATED if gate.escalated else Happening.GATE_OPENED
            yield _event(after, kind, where, gate=gate)
        elif gate.reminders > earlier.reminders:  # (3) the last one
            yield _event(after, Happening.GATE_REMINDER, f"{where}.{gate.reminders}", gate=gate)


def _decided(known: RunSnapshot | None, after: RunSnapshot) -> Iterator[Event]:
    seen = {(each.path, each.opening) for each in (known.decided if known else ())}
    for each in after.decided:
        if (each.path, each.opening) not in seen:
            where = f"{each.path}#{each.opening}"
            yield _event(after, Happening.GATE_DECIDED, where, decided=each)


def _stages(known: RunSnapshot | None, after: RunSnapshot) -> Iterator[Event]:
    kinds = {
        StageStatus.FAILED: Happening.STAGE_FAILED,
        StageStatus.REVOKED: Happening.REVOKED,
    }
    seen = {each.path: each.status for each in (known.stages if known else ())}
    for stage in after.stages:
        kind = kinds.get(stage.status)
        if kind is not None and seen.get(stage.path) is not stage.status:
            yield _event(after, kind, stage.path, stage=stage)


def _end(known: RunSnapshot | None, after: RunSnapshot) -> Iterator[Event]:
    if after.ended and not (known and known.ended):
        yield _event(after, Happening.ENDED, after.status)


def _event(
    run: RunSnapshot,
    kind: Happening,
    where: str,
    *,
    gate: GateSnapshot | None = None,
    decided: DecidedSnapshot | None = None,
    stage: StageSnapshot | None = None,
) -> Event:
    return Event(id=f"{run.run}/{kind}/{where}", kind=kind, gate=gate, decided=decided, stage=stage)
