"""Calls of tools: none without its intent, and no intent of which nobody says what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from dsl.rules.chaos.evidence import Evidence
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.reconcile import reconcile
from dsl.rules.reconciliation.recorded import Recorded, key_of
from tests.fixtures.chaos.recorded import changed, evidence_of, payload, with_history


@pytest.fixture(params=["called", "called-beside-the-ledger"])
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """A run whose intents are recorded first, and one whose intents went with their calls."""
    return evidence_of(request.param, f"{request.param}__refund")


def found(evidence: Evidence) -> list[str]:
    told = reconcile(evidence.histories, evidence.ledger, evidence.namespace)
    return [f"{each.expected} | {each.found}" for each in told]


def stage(evidence: Evidence) -> History:
    [history] = [each for each in evidence.histories if each.type == "Agent"]
    return history


def test_what_was_intended_called_and_answered_agrees(evidence: Evidence):
    assert list(stage(evidence).of_type("tool.call"))
    assert found(evidence) == []


def test_a_call_that_nobody_has_intended_is_found(evidence: Evidence):
    history = stage(evidence)
    call = next(history.of_type("tool.call"))
    other = changed(history, call.asked, input=payload({**call.request, "digest": "sha256:820"}))
    [said] = found(with_history(evidence, other))

    assert "the intent of occurrence sha256:820 to be acknowledged before it is called" in said


@pytest.mark.parametrize("lost", ["tool.answered", "tool.denied"])
def test_an_intent_of_which_nothing_came_is_found(evidence: Evidence, lost: str):
    intents = {e.payload["occurrence"] for e in evidence.ledger if e.action == "tool.intended"}
    gone = [
        each
        for each in evidence.ledger
        if each.action == lost and each.payload.get("occurrence") in intents
    ]
    ledger = tuple(each for each in evidence.ledger if each not in gone)
    said = [each for each in found(replace(evidence, ledger=ledger)) if "what became of" in each]

    assert len(said) == len(gone)


DRAFT: Final[dict[str, Any]] = {
    "action": "tool.intended",
    "agent": "a",
    "tier": 1,
    "payload": {"occurrence": "o"},
}
RECORD: Final = {"entries": [DRAFT], "sent": ["work/call#1/0"]}
ASKED: Final = {"digest": "o", "record": {"entries": [DRAFT], "sent": []}}
RECORDED: Final = {"first": 7, "last": 7, "taken": {}}


def along(told: dict[str, Any], *later: dict[str, Any]) -> History:
    """A stage whose one call has taken its intent along, and has answered so."""
    events = [
        {
            "eventId": "1",
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            "activityTaskScheduledEventAttributes": {
                "activityId": "work/call#1",
                "activityType": {"name": "tool.call"},
                "input": payload(ASKED),
            },
        },
        {
            "eventId": "2",
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_COMPLETED",
            "activityTaskCompletedEventAttributes": {
                "scheduledEventId": "1",
                "result": payload(told),
            },
        },
    ]
    return History("run/work", "1", "Agent", (*events, *later))


def on_ledger(action: str, key: str, seq: int) -> Recorded:
    says = DRAFT["payload"]
    return Recorded(seq, "", key, "run/work", "1", "a", "T1", action, says, "", "")


INTENT = on_ledger("tool.intended", key_of("default", "run/work", "1", "work/call#1/0"), 7)
CLAIM = on_ledger("tool.effect", "claim", 8)


def said(told: dict[str, Any], *entries: Recorded) -> list[str]:
    return [f"{e.expected} | {e.found}" for e in reconcile([along(told)], entries, "default")]


def test_what_a_call_has_recorded_itself_is_as_good():
    assert said({"answer": {"status": "ok"}, "recorded": RECORDED}, INTENT, CLAIM) == []


def test_an_entry_that_a_call_says_it_has_recorded_is_missed():
    [missing] = said({"answer": {"status": "ok"}, "recorded": RECORDED})

    assert missing.startswith("tool.intended on the ledger, since the ledger has acknowledged it")


@pytest.mark.parametrize(("status", "is_found"), [("ok", 1), ("error", 1), ("not_made", 0)])
def test_a_call_that_was_made_and_acknowledges_no_intent_is_found(status: str, is_found: int):
    found = said({"answer": {"status": status}})

    assert (
        len([each for each in found if "to be acknowledged before it is called" in each])
        == is_found
    )


def test_what_stands_there_though_nobody_knows_is_explained():
    assert said({"answer": {"status": "unknown"}}, INTENT) == []


def record_after(kind: str, **said: Any) -> list[dict[str, Any]]:
    """The events of a record of the intent, which is sent once more, and has ended so."""
    name = f"activityTask{kind.capitalize()}EventAttributes"
    return [
        {
            "eventId": "3",
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            "activityTaskScheduledEventAttributes": {
                "activityId": "work/ledger#2",
                "activityType": {"name": "ledger.record"},
                "input": payload(RECORD),
            },
        },
        {
            "eventId": "4",
            "eventType": f"EVENT_TYPE_ACTIVITY_TASK_{kind}",
            name: {"scheduledEventId": "3", **said},
        },
    ]


def over(**report: Any) -> dict[str, Any]:
    """The end of a stage that says this."""
    return {
        "eventId": "9",
        "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
        "workflowExecutionCompletedEventAttributes": {"result": payload(report)},
    }


def never_intended(*histories: History) -> list[str]:
    told = (f"{each.expected} | {each.found}" for each in reconcile(histories, (), "default"))
    return [each for each in told if "since it may have been made" in each]


UNKNOWN: Final = {"answer": {"status": "unknown"}}
REFUSED: Final = {"failure": {"applicationFailureInfo": {"type": "x", "nonRetryable": True}}}
PASSING: Final = {"failure": {"applicationFailureInfo": {"type": "x"}}}


@pytest.mark.parametrize("told", [UNKNOWN, {"answer": {"status": "who knows"}}, {}])
def test_a_call_that_may_have_been_made_and_was_never_intended_is_found(told: dict[str, Any]):
    [said] = never_intended(along(told, over()))

    assert said.startswith("the intent of occurrence o to be acknowledged")


def test_so_is_one_that_has_failed():
    failed = {
        "eventId": "2",
        "eventType": "EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT",
        "activityTaskTimedOutEventAttributes": {"scheduledEventId": "1"},
    }
    asked = along({}).events[0]

    assert never_intended(History("run/work", "1", "Agent", (asked, failed, over())))


def test_one_whose_record_was_never_heard_of_is_found():
    assert never_intended(along(UNKNOWN, *record_after("FAILED", **PASSING), over()))


@pytest.mark.parametrize(
    "later",
    [
        (*record_after("COMPLETED", result=payload(RECORDED)), over()),  # recorded late
        (*record_after("FAILED", **REFUSED), over()),  # it stands nowhere: the ledger said no
        (over(unrecorded=[DRAFT]),),  # the stage says that it could not
        (),  # it is under way
    ],
    ids=["late", "refused", "left over", "under way"],
)
def test_an_intent_that_history_accounts_for_is_not_missed(later: tuple[dict[str, Any], ...]):
    assert never_intended(along(UNKNOWN, *later)) == []


def test_one_that_was_not_made_needs_no_intent():
    assert never_intended(along({"answer": {"status": "not_made"}}, over())) == []


@pytest.mark.parametrize(("recorded", "is_found"), [(True, 0), (False, 1)])
def test_what_a_stage_left_over_its_run_has_recorded(recorded: bool, is_found: int):
    start = {
        "eventId": "0",
        "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
        "workflowExecutionStartedEventAttributes": {
            "parentWorkflowExecution": {"workflowId": "run", "runId": "1"},
            "parentInitiatedEventId": "1",
        },
    }
    child = {"workflowExecution": {"workflowId": "run/work", "runId": "1"}}
    begun = {
        "eventId": "1",
        "eventType": "EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "startChildWorkflowExecutionInitiatedEventAttributes": {"workflowId": "run/work"},
    }
    started = {
        "eventId": "2",
        "eventType": "EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED",
        "childWorkflowExecutionStartedEventAttributes": {"initiatedEventId": "1", **child},
    }
    late = record_after("COMPLETED", result=payload(RECORDED)) if recorded else []
    stage = along(UNKNOWN, over(unrecorded=[DRAFT]))
    stage = History("run/work", "1", "Agent", (start, *stage.events))
    run = History("run", "1", "Pipeline", (begun, started, *late, over()))

    assert len(never_intended(stage, run)) == is_found
