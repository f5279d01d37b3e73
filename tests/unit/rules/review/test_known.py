"""What a review that comes again does not open: what was answered, and nothing that was not."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.rules.review.known import KNOWN_MAX, known_after, known_in, known_of, short

ONE, TWO, THREE = (letter * 32 for letter in "123")


def report(known: Any, **row: Any) -> dict[str, Any]:
    council = {"gate": "council", "verdict": "rejected", "votes": [], **row}
    return {"approvals": [council], "stages": {"suggest": {"output": {"known": known}}}}


def test_known_is_what_is_still_there_and_what_was_put_before_the_council():
    before = (short(ONE), short(TWO))

    assert known_of(before, seen=[TWO, THREE], put=[THREE]) == (short(TWO), short(THREE))


@pytest.mark.parametrize(
    "row", [{"verdict": "approved"}, {"votes": [{"decision": "reject"}]}], ids=str
)
def test_whatever_the_answer_it_was_answered(row):
    assert known_after(report([short(ONE)], **row)) == (short(ONE),)


@pytest.mark.parametrize(
    "said",
    [
        *(None, 7, "x", {}, {"approvals": 7}, {"approvals": [7]}),
        report([short(ONE)]),  # not within its time
        report([short(ONE)], gate="other", verdict="approved"),
    ],
    ids=str,
)
def test_what_nobody_has_answered_is_asked_again(said):
    assert known_after(said) is None


@pytest.mark.parametrize(
    "told",
    [None, 7, "x", [7], ["short"], [ONE], [short(ONE)] * (KNOWN_MAX + 1)],
    ids=lambda told: repr(told)[:20],
)
def test_what_cannot_be_read_is_not_known(told):
    assert known_in(told) == ()
    assert known_after(report(told, verdict="approved")) == ()
