from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.review.suppression import Suppression
from dsl.rules.review.fingerprints import named
from dsl.rules.review.verdict import covers, judged

TODAY = date(2027, 3, 1)
KIND, SEVERITY = AnomalyKind, AnomalySeverity


def anomaly(path: str = "app/run.py", kind: AnomalyKind = KIND.SECURITY, rule: str = "B602"):
    seen = Sighting(kind, SEVERITY.HIGH, 0.9, path, 3, "says", "bandit", rule)
    return named([seen])[0]


def suppression(**fields) -> Suppression:
    return Suppression(**{"reason": "known", "until": TODAY, **fields})


def test_what_the_baseline_knows_does_not_fail_a_review():
    one, other = anomaly(), anomaly("app/walk.py")

    verdict = judged([one, other], {one.fingerprint}, [], TODAY)

    assert verdict.known == (one,)
    assert verdict.new == (other,)
    assert verdict.fails(SEVERITY.HIGH)
    assert not verdict.fails(SEVERITY.CRITICAL)
    assert not verdict.fails(None)
    assert not judged([one], {one.fingerprint}, [], TODAY).fails(SEVERITY.LOW)


def test_a_suppression_counts_to_the_end_of_its_day_and_no_longer():
    found, by = anomaly(), suppression(path="app/**")

    covered = judged([found], (), [by], TODAY)
    expired = judged([found], (), [by], date(2027, 3, 2))

    assert covered.suppressed == ((found, by),)
    assert not covered.fails(SEVERITY.LOW)
    assert expired.new == (found,)
    assert expired.expired == (by,)
    assert expired.fails(SEVERITY.HIGH)


def test_a_suppression_of_nothing_is_told():
    by = suppression(rule="B999")

    assert judged([anomaly()], (), [by], TODAY).idle == (by,)


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"kind": KIND.SECURITY}, True),
        ({"kind": KIND.DEFECT}, False),
        ({"rule": "B602", "path": "app/*.py"}, True),
        ({"rule": "B602", "path": "lib/*.py"}, False),
        ({"rule": "B603", "path": "app/*.py"}, False),
        ({"fingerprint": "0" * 32}, False),
    ],
)
def test_all_that_a_suppression_says_must_hold(fields, holds):
    assert covers(suppression(**fields), anomaly()) is holds


@pytest.mark.parametrize(
    ("pattern", "path", "holds"),
    [
        ("app/run.py", "app/run.py", True),
        ("app", "app/run.py", False),
        ("app/**", "app/run.py", True),
        ("app/**", "app/a/b/run.py", True),
        ("**/run.py", "run.py", True),
        ("**/run.py", "a/b/run.py", True),
        ("**/a/**/run.py", "x/a/run.py", True),
        ("*/run.py", "a/b/run.py", False),
        ("app/r*n*.py", "app/ruin.py", True),
        ("*a*a*", "aa", True),
        ("*a*a", "a", False),
    ],
)
def test_paths_match_part_by_part(pattern, path, holds):
    assert covers(suppression(path=pattern), anomaly(path)) is holds


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=8))
def test_a_star_is_what_others_take_it_for(pattern, name):
    if pattern.strip("*") or len(pattern) == 1:  # two stars alone stand for folders
        holds = covers(suppression(path=pattern), anomaly(name))

        assert holds == fnmatchcase(name, pattern)


def test_no_pattern_takes_long():
    assert not covers(suppression(path="**/*a" * 200 + "b"), anomaly("a/" * 400 + "a"))
