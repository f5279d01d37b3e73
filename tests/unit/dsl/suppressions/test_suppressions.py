from __future__ import annotations

from datetime import date

import pytest

from dsl.errors import DslError
from dsl.review.kinds import AnomalyKind
from dsl.suppressions.suppressions import parse_suppressions

TODAY = date(2027, 3, 1)
GOOD = """\
suppress:
  - kind: security
    path: bench/**
    reason: it measures a shell
    until: 2027-06-30
"""


def told(text: str) -> list[tuple[str, int]]:
    with pytest.raises(DslError) as refused:
        parse_suppressions(text, "file", today=TODAY)
    return [(each.code, each.at.line) for each in refused.value.problems]


def test_a_suppression_says_of_what_why_and_until_when():
    (found,) = parse_suppressions(GOOD, "file", today=TODAY)

    assert (found.kind, found.path) == (AnomalyKind.SECURITY, "bench/**")
    assert found.until == date(2027, 6, 30)


@pytest.mark.parametrize("field", ["reason", "until"])
def test_one_without_reason_or_end_is_refused(field):
    lines = [line for line in GOOD.splitlines() if field not in line]

    assert told("\n".join(lines))


def test_one_that_says_nothing_would_silence_a_review():
    text = "suppress:\n  - {reason: because, until: 2027-03-02}\n"

    assert told(text) == [("DSL600", 2)]


def test_an_excuse_for_ever_and_a_path_elsewhere_are_told_at_once():
    text = GOOD.replace("2027-06-30", "2037-06-30").replace("bench/**", "../bench")

    assert told(text) == [("DSL602", 3), ("DSL601", 5)]


@pytest.mark.parametrize("day", ["soon", "2027-02-30", "7", "[2027]"])
def test_a_day_that_is_none_is_refused_where_it_stands(day):
    ((_, line),) = told(GOOD.replace("2027-06-30", day))

    assert line == 5


@pytest.mark.parametrize("text", ["", "[]", "suppress: 1", "suppress:\n  - kind: nothing\n"])
def test_what_is_no_list_of_them_is_refused(text):
    assert told(text)
