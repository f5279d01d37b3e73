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


@pytest.fixture
def evidence() -> Evidence:
    return evidence_of("called", "called__refund")


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
RECORDED: Final = {"first": 7, "last": 7, "taken": {}}


def along(told: dict[str, Any]) -> History:
    """A stage whose one call has taken its intent along, and has answered so."""
    asked = {"digest": "o", "record": {"entries": [DRAFT], "sent": []}}
    events = [
        {
            "eventId": "1",
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            "activityTaskScheduledEventAttributes": {
                "activityId": "work/call#1",
                "activityType": {"name": "tool.call"},
                "input": payload(asked),
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
    return History("run/work", "1", "Agent", tuple(events))


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
