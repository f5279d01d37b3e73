"""Calls of tools: none without its intent, and no intent of which nobody says what came of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsl.rules.chaos.evidence import Evidence
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.reconcile import reconcile
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
