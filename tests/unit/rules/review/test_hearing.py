"""A gate that decides suggestions one by one: what its members say together."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.limits import FACT_BYTES_MAX, SUGGESTIONS_MAX
from dsl.rules.gates.council import APPROVE, ESCALATE, Member
from dsl.rules.review.hearing import advise_on
from dsl.values.canonical import canonical

ONE, TWO = "pin-dependency-000000000001", "break-cycle-000000000002"


def suggester(*suggested: Any, completed: bool = True, **more: Any) -> Member:
    return Member("suggest", 0, 0.0, completed, {"suggestions": list(suggested), **more})


def low(name: str = ONE, **more: Any) -> dict[str, Any]:
    return {"id": name, "risk": "low", "trial": "none", **more}


def says(name: str = ONE, decision: Any = "approve", confidence: Any = 0.9, **more: Any):
    return {
        "suggestion": name,
        "decision": decision,
        "confidence": confidence,
        "rationale": "it is so",
        **more,
    }


def member(*opinions: Any, stage: str = "architect", **more: Any) -> Member:
    output = more.pop("output", {"opinions": list(opinions)})
    return Member(stage, 2, 0.8, more.pop("completed", True), output, **more)


def rules(advice: Any) -> dict[str, str]:
    return {each.suggestion: each.rule.value for each in advice.decisions}


def test_each_is_decided_by_itself():
    panel = [
        member(says(), says(TWO, "reject")),
        member(says(), says(TWO, "reject"), stage="cost"),
    ]

    advice = advise_on(suggester(low(), low(TWO)), panel, quorum=4)

    assert advice.verdict == APPROVE
    assert rules(advice) == {ONE: "all-in-favour", TWO: "all-against"}
    assert advice.detail == "suggestions: 1 auto-approve, 1 reject"


def test_one_of_high_risk_and_people_are_asked():
    panel = [member(says(), says(TWO))]

    advice = advise_on(suggester(low(), low(TWO, risk="high")), panel, quorum=1)

    assert advice.verdict == ESCALATE
    assert rules(advice) == {ONE: "all-in-favour", TWO: "high-risk"}


def test_where_nothing_is_suggested_there_is_nothing_to_ask():
    assert advise_on(suggester(), [member()], quorum=1).verdict == APPROVE


def test_a_language_models_answer_is_its_word():
    panel = [member(output={"answer": {"opinions": [says()]}, "model": "small", "cost": 0})]

    assert rules(advise_on(suggester(low()), panel, quorum=1)) == {ONE: "all-in-favour"}


UNCLEAR: dict[str, Any] = {
    "another word": {"opinions": [says(decision="maybe")]},
    "a list for a word": {"opinions": [says(decision=["approve"])]},
    "no confidence": {"opinions": [says(confidence=None)]},
    "a percentage": {"opinions": [says(confidence=90)]},
    "truth": {"opinions": [says(confidence=True)]},
    "no number": {"opinions": [says(confidence=float("nan"))]},
    "a number of 5,000 digits": {"opinions": [says(confidence=10**5_000)]},
    "no rationale": {"opinions": [says(rationale=" ")]},
    "two things": {"opinions": [says(), says(decision="reject")]},
    "about nothing": {"opinions": [says(), {"decision": "approve"}]},
    "no list": {"opinions": "approve"},
    "nothing": {},
    "an endless list": {"opinions": [says()] * 2_000},
    "an answer in words": {"answer": "approve all of it"},
}


@pytest.mark.parametrize("output", UNCLEAR.values(), ids=UNCLEAR)
def test_what_cannot_be_understood_goes_to_people(output):
    panel = [member(says(), stage="security"), member(output=output)]

    advice = advise_on(suggester(low()), panel, quorum=1)

    assert advice.verdict == ESCALATE
    assert rules(advice) == {ONE: "reviewer-unclear"}


def test_one_that_came_too_late_is_missing_and_the_reason_is_told():
    late = member(completed=False, output={}, stage="cost", detail="not finished within 2m")

    advice = advise_on(suggester(low()), [member(says()), late], quorum=1)

    assert rules(advice) == {ONE: "reviewer-missing"}
    assert "cost did not complete: not finished within 2m" in advice.decisions[0].why


def test_one_that_leaves_one_out_is_missing_there_only():
    panel = [member(says(TWO), says("break-cycle-00000000000f"))]

    advice = advise_on(suggester(low(), low(TWO)), panel, quorum=1)

    assert rules(advice) == {ONE: "reviewer-missing", TWO: "all-in-favour"}


@pytest.mark.parametrize(
    "suggested",
    [
        {"id": ONE},
        {"id": ONE, "risk": "none"},
        {"id": ONE, "risk": ["low"]},
        {"id": ONE, "risk": "low", "trial": "splendid"},
        {"id": ONE, "risk": "low", "trial": None},
    ],
)
def test_what_cannot_be_read_of_a_suggestion_makes_it_of_high_risk(suggested):
    advice = advise_on(suggester(suggested), [member(says())], quorum=1)

    assert rules(advice) == {ONE: "high-risk"}


@pytest.mark.parametrize("suggested", [7, {}, {"id": 7}, {"id": "x" * 9_999}, None])
def test_a_suggestion_without_a_name_goes_to_people(suggested):
    advice = advise_on(suggester(suggested), [member(says())], quorum=1)

    assert advice.verdict == ESCALATE
    assert [each.rule.value for each in advice.decisions] == ["unreadable"]


def test_a_name_twice_is_nobodys():
    advice = advise_on(suggester(low(), low(risk="medium")), [member(says())], quorum=1)

    assert {each.rule.value for each in advice.decisions} == {"unreadable"}


@pytest.mark.parametrize(
    "by",
    [
        suggester(low(), completed=False),
        Member("suggest", 0, 0.0, True, {}),
        Member("suggest", 0, 0.0, True, {"suggestions": "s-1"}),
        suggester(*[low()] * (SUGGESTIONS_MAX + 1)),
    ],
)
def test_no_list_that_a_council_can_decide_about_goes_to_people(by):
    advice = advise_on(by, [member(says())], quorum=1)

    assert (advice.verdict, advice.decisions) == (ESCALATE, ())


def test_as_many_as_there_may_be_fit_on_the_ledger():
    names = [f"remove-unused-variable-{number:012x}" for number in range(SUGGESTIONS_MAX)]
    stages = [f"reviews/{'long-name' * 6}-{number}" for number in range(8)]
    panel = [member(*map(says, names), stage=stage) for stage in stages]

    advice = advise_on(suggester(*map(low, names)), panel, quorum=1)

    assert len(advice.decisions) == SUGGESTIONS_MAX
    assert len(canonical(advice.on_record()).encode()) < FACT_BYTES_MAX
