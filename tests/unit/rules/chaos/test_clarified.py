"""The oracle of approvals knows clarified plans: what a stage works by is what the ledger has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dsl.actions import STAGE_CLARIFIED
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.reconciliation.history import History, event_id, type_of
from dsl.rules.reconciliation.stage_history import stages
from tests.fixtures.chaos.recorded import (
    chained,
    changed,
    evidence_of,
    found_by,
    payload,
    with_history,
)

COUNCIL = "clarified-by-a-council"
RUNS = {
    "auto": ("clarified", "clarified__work"),
    "human": ("clarified-by-people", "clarified-by-people__work"),
    "council": (
        COUNCIL,
        f"{COUNCIL}__look",
        f"{COUNCIL}__work",
        f"{COUNCIL}__work__clarify-1__look",
    ),
}


@pytest.fixture
def evidence() -> Evidence:
    return evidence_of(*RUNS["auto"])


def work_of(evidence: Evidence) -> History:
    return next(each for each in stages(evidence.histories) if each.request.get("clarified"))


def clarified(evidence: Evidence, **said: Any) -> Evidence:
    """Return evidence in which the stage was started with another clarified plan."""
    stage = work_of(evidence)
    told = {**stage.request["clarified"], **said}
    request = {**stage.request, "clarified": told}
    return with_history(evidence, changed(stage, 1, input=payload(request)))


def said_of(evidence: Evidence) -> list[str]:
    return [f"{each.expected} | {each.found}" for each in found_by("approvals", evidence)]


@pytest.mark.parametrize("who", RUNS)
def test_a_stage_under_its_clarified_plan_is_well(who: str):
    evidence = evidence_of(*RUNS[who])

    assert work_of(evidence).request["clarified"]["number"] == 1
    assert said_of(evidence) == []


def test_a_member_of_its_council_is_of_the_plan_that_was_approved_too():
    evidence = evidence_of(*RUNS["council"])
    member = next(e for e in evidence.histories if e.workflow_id.endswith("clarify-1/look"))
    other = changed(member, 1, input=payload({**member.request, "plan": "sha256:other"}))

    said = said_of(with_history(evidence, other))

    assert [each.partition(" | ")[2] for each in said] == ["sha256:other"]


def test_one_that_is_not_on_the_ledger_is_found(evidence: Evidence):
    left = [
        replace(each, action="nothing.said") if each.action == STAGE_CLARIFIED else each
        for each in evidence.ledger
    ]

    [said] = said_of(replace(evidence, ledger=chained(left)))

    assert said.startswith("clarification 1 of 'work' on the ledger as it was given | None")


def test_one_that_says_something_else_than_the_ledger_is_found(evidence: Evidence):
    on_the_ledger, anew = said_of(clarified(evidence, errors_until_ms=5))

    assert "on the ledger as it was given | sha256:" in on_the_ledger
    assert "as it follows from what was said" in anew


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"stage": "other"}, "a clarified plan of 'work' | one of 'other'"),
        ({"number": 0}, "a clarified plan of 'work' | none"),
        ({"before": "sha256:0"}, "| of sha256:0"),
        ({"number": 9}, "none wider than it | clarification 9 with [] besides"),
        ({"plan": {"reasons": ["x"], "scope": ["tcp:443"]}}, "with ['tcp:443'] besides"),
    ],
)
def test_one_that_is_not_of_this_stage_and_its_plan_is_found(
    evidence: Evidence, said: dict[str, Any], found: str
):
    assert any(found in each for each in said_of(clarified(evidence, **said)))


# What people have answered


@pytest.fixture
def answered() -> Evidence:
    return evidence_of(*RUNS["human"])


def run_of(evidence: Evidence) -> History:
    return next(each for each in evidence.histories if each.workflow_id == RUNS["human"][0])


def votes_of(run: History) -> list[int]:
    return [event_id(each) for each in run.events if type_of(each).endswith("SIGNALED")]


def voted(evidence: Evidence, number: int, **said: Any) -> Evidence:
    """Return evidence in which a vote, by its number, says something else."""
    run = run_of(evidence)
    event = votes_of(run)[number]
    vote = {"gate": "work/clarify-1", "decision": "approve", "voter": "ann", **said}
    return with_history(evidence, changed(run, event, input=payload(vote)))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"answer": "roughly"}, "'roughly' was answered"),
        ({"answer": '{"scope": ["tcp:22"]}'}, "work/clarify-1: pending: "),
        ({"answer": ""}, "work/clarify-1: pending: "),
        ({"answer": "gently", "voter": "bob"}, "work/clarify-1: pending: "),
        ({"decision": "reject"}, "work/clarify-1: rejected: "),
    ],
)
def test_a_plan_that_is_not_what_people_have_answered_is_found(
    answered: Evidence, said: dict[str, Any], found: str
):
    assert any(found in each for each in said_of(voted(answered, 1, **said)))


def test_an_answer_that_would_widen_the_plan_answers_nothing(answered: Evidence):
    assert said_of(voted(answered, 0, answer='{"scope": ["secret:KEY"]}')) == []


def test_who_answered_first_has_answered(answered: Evidence):
    assert any(
        "'first' was answered" in each for each in said_of(voted(answered, 0, answer="first"))
    )


def test_one_that_nobody_had_cause_for_is_found(evidence: Evidence):
    run = next(each for each in evidence.histories if each.workflow_id == RUNS["auto"][0])
    spent = next(call for call in run.children if call.result and call.result.get("spent"))
    report = {**spent.result, "spent": None}
    other = changed(run, spent.ended, result=payload(report))

    said = said_of(with_history(evidence, other))

    assert any("no life before it has spent its budget" in each for each in said)
