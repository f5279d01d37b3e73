"""Histories as witnesses of behaviour: recorded ones, as they are and tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dsl.review.kinds import AnomalyKind
from dsl.rules.reconciliation.history import History, attributes
from dsl.rules.review.behaviour import behaviour
from dsl.rules.review.witnessed import TOOL, witnessed
from tests.replay.record import HISTORIES, file_of

NOW = datetime(2027, 3, 1, tzinfo=UTC)
STAGE, GATE = "approved/publish", "approved"
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def recorded(workflow_id: str, number: int = 0, change: Change = list) -> History:
    """A recorded history, as if it were of another run of the same pipeline."""
    events = change(json.loads(file_of(workflow_id).read_text())["events"])
    kind = attributes(events[0])["workflowType"]["name"]
    return History(f"{workflow_id}-{number}", f"run-{number}", kind, tuple(events))


def moved(days: float, *, last_s: float = 1) -> Change:
    """So many days ago, and taking so long."""

    def change(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        began = NOW - timedelta(days=days)
        for number, event in enumerate(events):
            at = began + timedelta(seconds=last_s * number / (len(events) - 1))
            event["eventTime"] = at.isoformat()
        return events

    return change


def found(histories: Iterable[History]) -> list[tuple[AnomalyKind, str, str]]:
    seen = behaviour(witnessed(histories), int(NOW.timestamp() * 1_000), TOOL)
    return [(each.kind, each.path, each.tool) for each in seen]


def of_two_periods(workflow_id: str, *, now_s: float, before_s: float) -> list[History]:
    return [
        history
        for number in range(6)
        for history in (
            recorded(workflow_id, number, moved(1 + number / 10, last_s=now_s)),
            recorded(workflow_id, 10 + number, moved(20 + number / 10, last_s=before_s)),
        )
    ]


def test_whatever_was_recorded_is_in_order():
    histories = []
    for file in sorted(HISTORIES.glob("*.json")):
        events = json.loads(file.read_text())["events"]
        kind = attributes(events[0])["workflowType"]["name"]
        histories.append(History(file.stem, "run", kind, tuple(events)))

    assert AnomalyKind.PHASES_OUT_OF_ORDER not in {kind for kind, *_ in found(histories)}
    assert len([each for each in witnessed(histories) if each.action == "agent.ended"]) > 30


def test_phases_in_an_order_that_there_is_not_are_seen_whatever_the_report_says():
    def without_execute(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in events if "agent.execute" not in str(attributes(each))]

    ((kind, path, tool),) = found([recorded(STAGE, change=without_execute)])

    assert (kind, tool) == (AnomalyKind.PHASES_OUT_OF_ORDER, TOOL)
    assert path.startswith("agents/")


def test_a_stage_is_slow_against_its_own_past():
    slow = of_two_periods(STAGE, now_s=60, before_s=20)
    fast = of_two_periods(STAGE, now_s=20, before_s=60)

    assert [kind for kind, *_ in found(slow)] == [AnomalyKind.SLOW_STAGE]
    assert found(fast) == []


def test_a_gate_that_took_far_longer_than_such_gates_is_told_when_it_was_answered():
    usual = [recorded(GATE, number, moved(20 + number)) for number in range(6)]
    late = recorded(GATE, 9, moved(2, last_s=86_400))

    assert found(usual) == []
    assert found([*usual, late]) == [(AnomalyKind.STUCK_GATE, f"runs/{late.workflow_id}", TOOL)]


@pytest.mark.parametrize(
    "events", [(), ({},), ({"eventType": 7, "eventTime": []},), ({"aAttributes": 7},)], ids=str
)
@pytest.mark.parametrize("kind", ["Agent", "Pipeline"])
def test_what_is_no_history_says_nothing_and_breaks_nothing(kind, events):
    assert found([History("w", "r", kind, events)]) == []
