"""What is read out of a history: activities local and regular, resets, ends; whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.rules.reconciliation.history import History, argument_of
from tests.fixtures.chaos.recorded import HISTORIES, history, payload


def test_regular_and_local_activities_come_in_the_order_in_which_they_were_asked_for():
    calls = history("approved__publish").activities

    phases = [call.id.rpartition("/")[2] for call in calls if "#1" in call.id]
    assert phases == [
        *("ledger#1", "BOOTSTRAP#1", "PREFLIGHT#1", "PLAN#1", "EXECUTE#1"),
        *("VERIFY#1", "PACKAGE#1", "REPORT#1", "EXIT#1"),
    ]
    assert {call.type for call in calls if not call.is_local} == {"ledger.record", "agent.execute"}
    assert all(call.is_done and call.ended_ms and call.result is not None for call in calls)


def test_what_a_run_did_before_it_was_reset_was_done_by_the_run_before():
    told = history("repeated")

    runs = {call.id: call.run_id for call in told.activities}
    assert runs["run/ledger#1"] != told.run_id
    assert runs["run/ledger#5"] == told.run_id


def reset(number: int, base: str, new: str) -> dict[str, Any]:
    cause = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
    said = {"cause": cause, "baseRunId": base, "newRunId": new}
    kind = "EVENT_TYPE_WORKFLOW_TASK_FAILED"
    return {"eventId": number, "eventType": kind, "workflowTaskFailedEventAttributes": said}


@pytest.mark.parametrize(
    ("resets", "wrote"),
    [
        ({}, "dddd"),  # it was not reset
        ({2: ("a", "d")}, "aadd"),
        ({2: ("a", "b"), 3: ("b", "d")}, "aabd"),
        ({2: ("c", "d")}, "aadd"),  # of what c was reset from, none of c is left
        ({2: ("a", "b"), 3: ("c", "d")}, "aabd"),  # c was made of b, and went on elsewhere
    ],
)
def test_who_wrote_what_of_a_run_that_was_reset_again_and_again(resets, wrote):
    started = {"originalExecutionRunId": "a" if resets else "d"}
    events: list[dict[str, Any]] = [
        {"eventId": 1, "workflowExecutionStartedEventAttributes": started},
        *({"eventId": number} for number in (2, 3, 4)),
    ]
    for number, (base, new) in resets.items():
        events[number - 1] = reset(number, base, new)
    told = History("w", "d", "Pipeline", tuple(events))

    assert "".join(told.run_of[number] for number in (1, 2, 3, 4)) == wrote
    assert told.runs == tuple(dict.fromkeys(wrote))
    assert told.runs_since("b") == (("b", "d") if "b" in wrote else ("d",))


def test_a_run_knows_its_parent_and_its_end():
    run, stage = history("approved"), history("approved__review")

    assert stage.parent == (run.workflow_id, run.run_id)
    assert stage.parent_event == run.children[0].asked
    assert (run.parent, run.end and run.end.status) == (("", ""), "COMPLETED")
    assert [child.id for child in run.children] == ["approved/review", "approved/publish"]


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
def test_every_activity_of_every_recorded_history_has_an_id_and_a_run(file):
    told = history(file.stem)
    calls = told.activities

    assert calls or told.children  # one that only starts others asks for no activity
    assert all(call.id and call.type and call.run_id and call.asked for call in calls)
    assert all(0 < call.task < call.asked for call in calls)


@pytest.mark.parametrize(
    "events",
    [
        (),
        ({},),
        ({"eventId": "x", "eventType": 3, "eventTime": None},),
        ({"eventType": "EVENT_TYPE_MARKER_RECORDED", "markerRecordedEventAttributes": {}},),
        (
            {
                "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
                "activityTaskScheduledEventAttributes": {"input": {"payloads": [{"data": "?"}]}},
            },
        ),
    ],
)
def test_what_cannot_be_read_is_no_request_and_no_answer(events):
    told = History("w", "r", "Pipeline", events)

    assert told.end is None
    assert all(call.request is None and not call.is_done for call in told.activities)
    assert told.children == ()


@pytest.mark.parametrize("wrong", [None, {}, {"payloads": []}, {"payloads": [{"data": "eyI="}]}, 3])
def test_a_payload_that_is_no_json_is_nothing(wrong):
    assert argument_of(wrong) is None
    assert argument_of(payload({"a": 1})) == {"a": 1}
