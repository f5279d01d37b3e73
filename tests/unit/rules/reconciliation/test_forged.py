"""Answers that the worker which took the work cannot have given."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dsl.rules.reconciliation.forged import forged
from dsl.rules.reconciliation.history import History, type_of
from tests.fixtures.chaos.recorded import evidence_of

STAGE = "approved__review"


def stage() -> History:
    [history] = [each for each in evidence_of("approved", STAGE).histories if each.type == "Agent"]
    return history


def changed(history: History, kind: str, change: Callable[[dict[str, Any]], None]) -> History:
    """Return it with the first event of that kind changed."""
    events: list[Any] = copy.deepcopy(list(history.events))
    change(next(each for each in events if type_of(each) == kind))
    return History(history.workflow_id, history.run_id, history.type, tuple(events))


def named(who: str) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        said = next(value for key, value in event.items() if key.endswith("Attributes"))
        said["identity"] = who

    return change


def test_a_history_of_ours_has_none():
    assert list(forged([stage()], lambda _: "")) == []
    assert list(forged(evidence_of("proven", "proven__look").histories)) == []


def test_an_answer_of_somebody_who_did_not_take_the_work_is_found():
    [found] = forged([changed(stage(), "ACTIVITY_TASK_COMPLETED", named("mallory@elsewhere"))])

    assert found.found == "the answer of mallory@elsewhere"
    assert "to be answered by" in found.expected
    assert ", event " in found.where


@pytest.mark.parametrize("who", ["", "nobody"])
def test_so_is_one_whose_work_was_taken_by_another(who):
    found = list(forged([changed(stage(), "ACTIVITY_TASK_STARTED", named(who))]))

    assert len(found) == 1


def test_that_a_worker_died_is_told_by_the_one_after_it():
    def failed(kind: str) -> Callable[[dict[str, Any]], None]:
        def change(event: dict[str, Any]) -> None:
            said = event.pop("activityTaskCompletedEventAttributes")
            failure = {"message": "its worker died", "applicationFailureInfo": {"type": kind}}
            answer = {"scheduledEventId": said["scheduledEventId"], "failure": failure}
            event["eventType"] = "EVENT_TYPE_ACTIVITY_TASK_FAILED"
            event["activityTaskFailedEventAttributes"] = {**answer, "identity": "its successor"}

        return change

    told = changed(stage(), "ACTIVITY_TASK_COMPLETED", failed("WorkerDied"))
    another = changed(stage(), "ACTIVITY_TASK_COMPLETED", failed("OutOfDisk"))

    assert list(forged([told])) == []
    assert [each.found for each in forged([another])] == ["the answer of its successor"]


def test_outputs_that_nobody_has_kept_are_found_each_once():
    kept = {
        each["digest"]
        for call in stage().activities
        if isinstance(call.result, dict)
        for each in call.result.get("outputs", ())
    }
    missing = min(kept)
    found = list(forged([stage()], lambda digest: "nothing" if digest == missing else ""))

    assert len(found) == 1
    assert found[0].found == f"nothing under {missing}"
    altered = list(forged([stage()], lambda digest: "other bytes"))
    assert {each.found for each in altered} == {f"other bytes under {each}" for each in kept}


def test_activities_of_others_are_not_looked_at():
    def renamed(event: dict[str, Any]) -> None:
        event["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "theirs"

    history = stage()
    for event in history.events:
        if type_of(event) == "ACTIVITY_TASK_SCHEDULED":
            history = changed(history, "ACTIVITY_TASK_SCHEDULED", renamed)
            break
    first = next(each for each in history.activities if each.type == "theirs")

    assert all(f"theirs {first.id}" not in each.expected for each in forged([history]))
