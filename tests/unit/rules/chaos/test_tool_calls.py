"""The oracle of calls asks plan, votes and server, not what the run has said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dsl.rules.chaos.evidence import Evidence
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.recorded import Recorded
from tests.fixtures.chaos.recorded import changed, evidence_of, found_by, payload, with_history


@pytest.fixture(params=["called", "called-beside-the-ledger"])
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """A run whose agent has called, by itself and with people's leave."""
    return evidence_of(request.param, f"{request.param}__refund")


def objections(evidence: Evidence) -> list[str]:
    found = found_by("tool-calls", evidence)
    return [f"{each.expected} | {each.found} | {each.where}" for each in found]


def stage(evidence: Evidence) -> History:
    [history] = [each for each in evidence.histories if each.type == "Agent"]
    return history


def calls(evidence: Evidence) -> list[HistoryCall]:
    return list(stage(evidence).of_type("tool.call"))


def with_call(evidence: Evidence, number: int, **said: Any) -> Evidence:
    """Return it with one call asked for in other words."""
    call = calls(evidence)[number]
    told = changed(stage(evidence), call.asked, input=payload({**call.request, **said}))
    return with_history(evidence, told)


def with_entries(evidence: Evidence, keep: Callable[[Recorded], Recorded | None]) -> Evidence:
    kept = (keep(each) for each in evidence.ledger)
    return replace(evidence, ledger=tuple(each for each in kept if each is not None))


def approved(evidence: Evidence) -> tuple[int, HistoryCall, str]:
    """Return the first call that people have let through, and its gate."""
    gates = {
        each.payload["occurrence"]: str(each.payload["gate"])
        for each in evidence.ledger
        if each.action == "tool.intended" and each.payload.get("gate")
    }
    return next(
        (number, call, gates[call.request["digest"]])
        for number, call in enumerate(calls(evidence))
        if call.request["digest"] in gates
    )


def test_what_was_let_through_is_nothing_to_speak_of(evidence: Evidence):
    assert calls(evidence)
    assert objections(evidence) == []


def test_a_call_with_other_arguments_was_approved_by_nobody(evidence: Evidence):
    number, call, _ = approved(evidence)
    occurrence = {**call.request["occurrence"]}
    arguments = {**occurrence["call"]["arguments"], "note": "and more"}
    occurrence["call"] = {**occurrence["call"], "arguments": arguments}
    [said] = objections(with_call(evidence, number, occurrence=occurrence))

    assert "approved before it was made" in said
    assert "no intent on the ledger says at which gate" in said


def test_a_call_that_the_plan_denies_was_let_through_by_nobody(evidence: Evidence):
    occurrence = {**calls(evidence)[0].request["occurrence"]}
    occurrence["call"] = {**occurrence["call"], "tool": "empty_the_till"}
    [said] = objections(with_call(evidence, 0, occurrence=occurrence))

    assert "no rule of config.tools names" in said


def test_a_call_of_no_stage_and_one_that_cannot_be_read_are_told(evidence: Evidence):
    occurrence = {**calls(evidence)[0].request["occurrence"], "stage": "elsewhere"}

    assert "stage 'elsewhere'" in objections(with_call(evidence, 0, occurrence=occurrence))[0]
    assert "a call that can be read" in objections(with_call(evidence, 0, occurrence=7))[0]


def test_the_same_occurrence_is_called_once(evidence: Evidence):
    history = stage(evidence)
    call = calls(evidence)[0]
    scheduled = history.events[call.asked - 1]
    twice = replace(history, events=(*history.events, {**scheduled, "eventId": "9999"}))
    said = objections(with_history(evidence, twice))

    assert any("a call to be asked for 1 time(s) | 2 times" in each for each in said)


def test_whose_decision_is_not_before_the_intent_has_approved_nothing(evidence: Evidence):
    _, _, gate = approved(evidence)

    def late(entry: Recorded) -> Recorded | None:
        is_it = entry.action == "gate.decided" and entry.payload.get("gate") == gate
        return None if is_it else entry

    [said] = objections(with_entries(evidence, late))
    assert "stands behind the intent" in said


@pytest.mark.parametrize("other", ["subject", "verdict", "no subject"])
def test_a_decision_about_something_else_or_against_it_has_approved_nothing(
    evidence: Evidence, other: str
):
    _, _, gate = approved(evidence)
    stage_path, _, name = gate.rpartition("/")
    said: dict[str, dict[str, Any]] = {
        "subject": {"subject": {stage_path: {name: f"sha256:{'0' * 64}"}}},
        "verdict": {"verdict": "rejected"},
        "no subject": {"subject": None},
    }

    def mutated(entry: Recorded) -> Recorded | None:
        is_it = entry.action == "gate.decided" and entry.payload.get("gate") == gate
        return replace(entry, payload={**entry.payload, **said[other]}) if is_it else entry

    [found] = objections(with_entries(evidence, mutated))
    assert "about this very call stands behind the intent" in found


def test_an_occurrence_is_asked_about_by_one_gate(evidence: Evidence):
    _, _, gate = approved(evidence)
    [opened] = [
        each
        for each in evidence.ledger
        if each.action == "gate.opened" and each.payload.get("gate") == gate
    ]
    stage_path, _, name = gate.rpartition("/")
    digest = opened.payload["subject"][stage_path][name]
    again = {**opened.payload, "gate": f"{stage_path}/call-9"}
    again["subject"] = {stage_path: {"call-9": digest}}
    twice = replace(evidence, ledger=(*evidence.ledger, replace(opened, payload=again)))
    [said] = objections(twice)

    assert "one gate to ask about a call" in said


def test_what_reached_the_server_is_what_was_made(evidence: Evidence):
    made = [
        call.request["occurrence"]["call"]
        for call in calls(evidence)
        if call.result["answer"]["status"] in ("ok", "error")
    ]
    name = f"{made[0]['server']}/{made[0]['tool']}"
    arguments = tuple(
        each["arguments"] for each in made if f"{each['server']}/{each['tool']}" == name
    )

    assert objections(replace(evidence, reached={name: arguments})) == []
    for wrong in (arguments[1:], (*arguments, arguments[0]), (*arguments, {"amount": 7})):
        assert "to reach" in objections(replace(evidence, reached={name: wrong}))[0]
