"""What has happened between two looks is told, each thing once."""

from __future__ import annotations

import random
from typing import Any

from dsl.core import StageStatus, StageType
from dsl.rules.notify.changes import changes
from dsl.rules.notify.snapshot import DecidedSnapshot, GateSnapshot, RunSnapshot, StageSnapshot
from dsl.steps.notify import Happening


def run(**fields: Any) -> RunSnapshot:
    return RunSnapshot(**{"workflow": "w", "run": "r", **fields})


def waiting(opening: int = 1, **fields: Any) -> GateSnapshot:
    return GateSnapshot(path="sign-off", opening=opening, **fields)


def kinds(before: RunSnapshot | None, after: RunSnapshot) -> list[Happening]:
    return [each.kind for each in changes(before, after)]


def test_a_gate_is_told_of_when_it_opens_reminds_and_opens_for_others():
    opened = run(gates=(waiting(),))

    assert kinds(None, opened) == [Happening.GATE_OPENED]
    assert kinds(opened, opened) == []
    assert kinds(opened, run(gates=(waiting(reminders=2),))) == [Happening.GATE_REMINDER]
    escalated = run(gates=(waiting(2, escalated=True),))
    assert kinds(opened, escalated) == [Happening.GATE_ESCALATED]


def test_a_gate_that_opened_and_was_decided_unseen_is_told_of_as_decided():
    done = run(decided=(DecidedSnapshot(path="sign-off", opening=1, verdict="approved"),))

    assert kinds(run(), done) == [Happening.GATE_DECIDED]


def test_stages_that_fail_or_are_revoked_are_told_of_and_so_is_the_end():
    def stage(status: StageStatus) -> tuple[StageSnapshot, ...]:
        return (StageSnapshot(path="look", type=StageType.AGENT, status=status),)

    begun = run(stages=stage(StageStatus.RUNNING))
    assert kinds(begun, run(stages=stage(StageStatus.FAILED))) == [Happening.STAGE_FAILED]
    assert kinds(begun, run(stages=stage(StageStatus.REVOKED))) == [Happening.REVOKED]
    over = run(status="completed", ended=True)
    assert kinds(begun, over) == [Happening.ENDED]
    assert kinds(over, over) == []


def test_what_a_reset_has_undone_happens_anew_under_another_id():
    before, after = run(gates=(waiting(),)), run(run="r2", gates=(waiting(),))
    [first], [second] = changes(None, before), changes(before, after)

    assert first.kind is second.kind is Happening.GATE_OPENED
    assert first.id != second.id


def test_whoever_looks_however_often_tells_each_thing_under_one_id():
    rng = random.Random(20_261_129)
    moves = [run(gates=(waiting(number, reminders=0),)) for number in range(1, 9)]
    moves.append(run(status="completed", ended=True))
    for _ in range(50):
        seen: dict[str, Happening] = {}
        last = None
        for move in sorted(rng.sample(range(9), rng.randint(1, 9))):
            for event in changes(last, moves[move]):
                assert event.id not in seen
                seen[event.id] = event.kind
            last = moves[move]
