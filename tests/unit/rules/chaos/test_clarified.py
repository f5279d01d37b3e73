"""The oracle of approvals knows clarified plans: what a stage works by is what the ledger has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dsl.actions import STAGE_CLARIFIED
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.reconciliation.history import History
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
    [said] = said_of(clarified(evidence, errors_until_ms=5))

    assert "on the ledger as it was given | sha256:" in said


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
