from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dsl.review.kinds import AnomalyKind
from dsl.rules.reconciliation.recorded import Recorded
from dsl.rules.review.behaviour import behaviour

KIND = AnomalyKind
NOW = datetime(2027, 3, 1, tzinfo=UTC)
WHOLE = "BOOTSTRAP PREFLIGHT PLAN EXECUTE VERIFY PACKAGE REPORT EXIT"


class Told:
    """A ledger as tests write it."""

    def __init__(self) -> None:
        self.entries: list[Recorded] = []

    def say(self, action: str, run: str, days: float, agent: str = "a.b", **payload: Any) -> None:
        at = (NOW - timedelta(days=days)).isoformat()
        number = len(self.entries)
        entry = Recorded(number, at, str(number), run, "r", agent, "T1", action, payload, "", "")
        self.entries.append(entry)

    def live(self, run: str, days: float, *, seconds: float = 10, **ended: Any) -> None:
        budget = {"errors": 5, "window_ms": 3_600_000}
        self.say("agent.intended", run, days + seconds / 86_400, error_budget=budget)
        says = {"status": "completed", "errors": 0, "phases": WHOLE, **ended}
        self.say("agent.ended", run, days, **says)

    def lives(self, *, now: dict[str, Any], before: dict[str, Any]) -> None:
        for number in range(6):
            self.live(f"now-{number}", 1 + number / 10, **now)
            self.live(f"before-{number}", 20 + number / 10, **before)

    def found(self) -> list[AnomalyKind]:
        return [each.kind for each in behaviour(self.entries, int(NOW.timestamp() * 1_000))]


@pytest.fixture
def told():
    return Told()


def test_what_is_as_it_was_is_not_told(told):
    told.lives(now={}, before={})

    assert told.found() == []


@pytest.mark.parametrize(
    ("now", "before", "kind"),
    [
        ({"errors": 3}, {"errors": 1}, KIND.ERROR_SPIKE),
        ({"seconds": 60}, {"seconds": 20}, KIND.SLOW_STAGE),
        ({"status": "failed"}, {"status": "completed"}, KIND.REGRESSION),
    ],
)
def test_what_has_become_worse_is_told_and_what_has_become_better_is_not(told, now, before, kind):
    told.lives(now=now, before=before)
    other = Told()
    other.lives(now=before, before=now)

    assert told.found() == [kind]
    assert other.found() == []


def test_two_of_anything_are_no_habit(told):
    for number in range(2):
        told.live(f"now-{number}", 1, status="failed", errors=9)
        told.live(f"before-{number}", 20)

    assert told.found() == []


def test_phases_in_an_order_that_there_is_not(told):
    told.live("run", 1, phases="BOOTSTRAP EXECUTE EXIT")
    told.live("again", 1, phases="BOOTSTRAP PREFLIGHT PLAN EXECUTE PLAN EXECUTE VERIFY EXIT")
    told.live("strange", 1, phases="SLEEP")

    assert told.found() == [KIND.PHASES_OUT_OF_ORDER]


def test_a_budget_that_is_nearly_spent(told):
    told.live("run", 0.01)
    told.say("agent.erred", "run", 0.02, errors=["a", "b", "c", "d"])
    assert told.found() == [KIND.BUDGET_NEARLY_SPENT]

    later = Told()
    later.live("run", 1)
    later.say("agent.erred", "run", 1, errors=["a", "b", "c", "d"])
    assert later.found() == []


def test_a_gate_that_waits_far_longer_than_such_gates_do(told):
    due = (NOW + timedelta(days=9)).isoformat()
    for number in range(3):
        told.say("gate.opened", f"run-{number}", 9, gate="review", due=due)
        told.say("gate.decided", f"run-{number}", 9 - 1 / 24, gate="review")
    told.say("gate.opened", "stuck", 1, gate="review", due=due)
    told.say("gate.opened", "fresh", 0.1, gate="review", due=due)
    told.say("gate.opened", "ended", 1, gate="review", due=due)
    told.say("run.ended", "ended", 0.5)

    sightings = list(behaviour(told.entries, int(NOW.timestamp() * 1_000)))

    assert [(each.kind, each.path) for each in sightings] == [(KIND.STUCK_GATE, "runs/stuck")]


def test_an_entry_that_says_something_else_is_skipped(told):
    for action in ("agent.intended", "agent.ended", "agent.erred", "gate.opened", "gate.decided"):
        told.say(action, "run", 1, error_budget=7, errors=None, phases=3, gate=[], due="soon")
        told.say(action, "other", 1)

    assert set(told.found()) <= {KIND.STUCK_GATE}
