"""What agents say at a gate: of one mind they decide, in doubt people do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.gates.council import APPROVE, ESCALATE, REJECT, VOICES_SHOWN_MAX, Member, advise
from dsl.values.canonical import canonical

YES = {"decision": "approve", "confidence": 0.9, "rationale": "nothing stands against it"}
NO = {**YES, "decision": "reject", "rationale": "it deletes the database"}
SAYS_NOTHING: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "neither approve nor reject, but decision None"),
    "another word": ({**YES, "decision": "maybe"}, "decision 'maybe'"),
    "capitals": ({**YES, "decision": "Approve"}, "decision 'Approve'"),
    "a list for a decision": ({**YES, "decision": ["approve"]}, "a value of type list"),
    "no confidence": ({"decision": "approve", "rationale": "x"}, "but None"),
    "confidence as text": ({**YES, "confidence": "0.9"}, "but '0.9'"),
    "confidence as truth": ({**YES, "confidence": True}, "but True"),
    "more than sure": ({**YES, "confidence": 1.01}, "but 1.01"),
    "less than nothing": ({**YES, "confidence": -0.1}, "but -0.1"),
    "no number": ({**YES, "confidence": float("nan")}, "but nan"),
    "more than a number": ({**YES, "confidence": float("inf")}, "but inf"),
    "a number of 5,000 digits": ({**YES, "confidence": 10**5_000}, "a value of type int"),
    "a percentage": ({**YES, "confidence": 90}, "a value of type int"),
    "no rationale": ({**YES, "rationale": " \n"}, "no rationale"),
    "a rationale of another type": ({**YES, "rationale": 7}, "no rationale"),
}


def member(output: Any, stage: str = "left", weight: int = 1, **more: Any) -> Member:
    return Member(stage, weight, more.get("sure", 0.7), more.get("completed", True), output)


def test_agents_of_one_mind_decide():
    heard = advise([member(YES, weight=2), member(YES, "right", 3)], quorum=5)

    assert heard.verdict == APPROVE
    assert heard.detail == "agents: approve 5 of 5 by weight"


def test_agents_of_one_mind_reject():
    assert advise([member(NO), member(NO, "right")], quorum=1).verdict == REJECT


def test_one_that_disagrees_and_people_decide():
    heard = advise([member(YES, weight=3), member(NO, "right", 2)], quorum=3)

    assert heard.verdict == ESCALATE
    assert "approve 3, reject 2 of 5 by weight" in heard.detail


@pytest.mark.parametrize(("output", "said"), SAYS_NOTHING.values(), ids=SAYS_NOTHING)
def test_no_vote_is(output, said):
    heard = advise([member(output), member(YES, "right")], quorum=1)

    assert heard.verdict == ESCALATE
    assert said in heard.detail
    assert "'left'" in heard.detail
    assert heard.voices[0].decision == ""
    assert len(heard.detail) < 300


def test_a_member_that_did_not_complete_has_said_nothing():
    heard = advise([member(YES, completed=False)], quorum=1)

    assert heard.verdict == ESCALATE
    assert "'left' did not complete" in heard.detail


@pytest.mark.parametrize(
    ("confidence", "verdict"), [(0.69, ESCALATE), (0.7, APPROVE), (1, APPROVE)]
)
def test_whoever_is_not_sure_enough_decides_nothing(confidence, verdict):
    heard = advise([member({**YES, "confidence": confidence})], quorum=1)

    assert heard.verdict == verdict
    assert ("not sure enough" in heard.detail) == (verdict == ESCALATE)


def test_doubt_of_a_light_member_outweighs_a_heavy_one():
    light = member({**YES, "confidence": 0.1}, "right", 1)

    assert advise([member(YES, weight=100), light], quorum=50).verdict == ESCALATE


def test_a_quorum_that_is_not_reached_goes_to_people():
    heard = advise([member(YES, weight=2)], quorum=3)

    assert heard.verdict == ESCALATE
    assert "quorum of 3" in heard.detail


def test_where_people_are_asked_no_weight_is_needed():
    assert advise([member(YES)], quorum=None).verdict == APPROVE
    assert advise([member(NO)], quorum=None).verdict == REJECT


def test_silence_approves_nothing():
    assert advise([], quorum=None).verdict == ESCALATE


def test_further_fields_do_no_harm():
    assert advise([member({**YES, "files": ["a"]})], quorum=1).verdict == APPROVE


def test_a_rationale_is_kept_up_to_a_limit():
    (voice,) = advise([member({**YES, "rationale": f" {'x' * 9_000}"})], quorum=1).voices

    assert voice.rationale == "x" * REASON_LENGTH_MAX


def test_many_doubts_are_counted_and_not_all_told():
    heard = advise([member({}, f"m{n}") for n in range(50)], quorum=1)

    assert "50 in all" in heard.detail
    assert f"'m{VOICES_SHOWN_MAX}'" not in heard.detail


def test_on_record_nothing_is_a_fraction():
    record = advise([member(YES), member({**NO, "confidence": 0.3}, "right")], quorum=1).on_record()

    assert ".9" in canonical(record)
    assert record["voices"][0] == {
        "stage": "left",
        "weight": 1,
        "decision": "approve",
        "confidence": "0.9",
        "rationale": "nothing stands against it",
        "doubt": "",
    }
    assert not any(isinstance(value, float) for row in record["voices"] for value in row.values())


outputs = st.fixed_dictionaries(
    {},
    optional={
        "decision": st.sampled_from(["approve", "reject", "maybe", None]),
        "confidence": st.floats() | st.integers(-1, 2) | st.booleans() | st.text(max_size=3),
        "rationale": st.text(max_size=3) | st.none(),
    },
)
good = st.builds(
    lambda decision, confidence: {
        "decision": decision,
        "confidence": confidence,
        "rationale": "because",
    },
    st.sampled_from(["approve", "approve", "approve", "reject"]),
    st.floats(0, 1),
)
councils = st.lists(
    st.builds(
        Member,
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 100),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from([True, True, True, False]),
        outputs | good | good,
    ),
    max_size=4,
)


@given(councils, st.none() | st.integers(1, 200))
@settings(deadline=None)
def test_agents_approve_only_when_every_one_of_them_is_sure(members, quorum):
    if advise(members, quorum=quorum).verdict != APPROVE:
        return

    assert members
    assert all(each.completed and each.output["decision"] == "approve" for each in members)
    assert all(each.output["confidence"] >= each.min_confidence for each in members)
    assert sum(each.weight for each in members) >= (quorum or 1)


@given(councils, st.integers(1, 200), st.randoms())
@settings(deadline=None)
def test_the_order_of_members_decides_nothing(members, quorum, random):
    verdict = advise(members, quorum=quorum).verdict
    random.shuffle(members)

    assert advise(members, quorum=quorum).verdict == verdict


@given(councils.filter(bool), st.integers(0, 3))
@settings(deadline=None)
def test_one_more_doubt_never_decides(members, place):
    doubting = replace(members[place % len(members)], completed=False)

    assert advise([*members, doubting], quorum=None).verdict == ESCALATE
