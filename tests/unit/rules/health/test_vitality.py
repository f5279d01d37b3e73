"""Alive, suspect, dead: examples, and every sequence of looks against a slow restatement."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.rules.health.vitality import (
    GONE_MAX,
    GOOD_MIN,
    POOR_MIN,
    Grade,
    Pulse,
    Vitality,
    looked,
    to_record,
)

GOOD, POOR, GONE = Grade.GOOD, Grade.POOR, Grade.GONE
UNKNOWN, ALIVE, SUSPECT, DEAD = Vitality
GRADES = st.lists(st.sampled_from(Grade), max_size=40)


def states(grades, start=None):
    watched = start or Pulse()
    found = []
    for at, grade in enumerate(grades):
        watched = looked(watched, grade, at)
        found.append(watched.state)
    return found


def tail_of(grades, grade):
    """Return how many looks at the end found this."""
    return next((n for n, each in enumerate(reversed(grades)) if each is not grade), len(grades))


def restated(grades):
    """Say what the rules say, from all looks, the slow way."""
    state = UNKNOWN
    for end in range(1, len(grades) + 1):
        seen = grades[:end]
        gone, poor, good = (tail_of(seen, each) for each in (GONE, POOR, GOOD))
        if gone:
            state = DEAD if gone >= GONE_MAX or state is DEAD else SUSPECT
        elif poor:
            steady = state in (UNKNOWN, ALIVE) and poor < POOR_MIN
            state = state if steady else SUSPECT
        elif state in (UNKNOWN, ALIVE) or good >= GOOD_MIN:
            state = ALIVE
        else:
            state = SUSPECT
    return state


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ([GOOD], [ALIVE]),
        ([GONE, GONE, GONE, GONE], [SUSPECT, SUSPECT, DEAD, DEAD]),
        ([GOOD, GONE, GOOD, GOOD], [ALIVE, SUSPECT, SUSPECT, ALIVE]),
        ([GONE] * 3 + [GOOD, GOOD], [SUSPECT, SUSPECT, DEAD, SUSPECT, ALIVE]),
        ([GONE] * 3 + [GOOD, GONE], [SUSPECT, SUSPECT, DEAD, SUSPECT, SUSPECT]),
        ([GOOD, POOR, GOOD, POOR, POOR], [ALIVE, ALIVE, ALIVE, ALIVE, SUSPECT]),
        ([GONE] * 3 + [POOR], [SUSPECT, SUSPECT, DEAD, SUSPECT]),
        ([POOR, POOR], [UNKNOWN, SUSPECT]),
    ],
)
def test_what_looks_make_of_it(grades, expected):
    assert states(grades) == expected


@given(GRADES)
def test_it_is_what_the_rules_say_of_all_looks(grades):
    assert (states(grades) or [UNKNOWN])[-1] is restated(grades)


@given(GRADES)
def test_nothing_dies_of_fewer_looks_than_it_takes(grades):
    found = [UNKNOWN, *states(grades)]
    for at, (before, now) in enumerate(pairwise(found)):
        if now is DEAD and before is not DEAD:
            assert grades[at + 1 - GONE_MAX : at + 1] == [GONE] * GONE_MAX


@given(st.lists(st.sampled_from([GOOD, POOR]), max_size=40))
def test_what_answers_is_never_dead(grades):
    assert DEAD not in states(grades)


@given(GRADES)
def test_nothing_comes_back_from_the_dead_in_one_step(grades):
    found = states(grades)
    assert (DEAD, ALIVE) not in set(pairwise(found))


@given(GRADES)
def test_a_time_moves_with_the_state_and_not_otherwise(grades):
    watched = Pulse()
    for at, grade in enumerate(grades, start=1):
        before, watched = watched, looked(watched, grade, at)
        assert watched.since_ms == (before.since_ms if watched.state is before.state else at)


@given(GRADES, st.sampled_from(Grade))
def test_what_is_settled_is_changed_by_nothing_but_another_look(grades, grade):
    watched = Pulse()
    for at, each in enumerate([*grades, grade]):
        watched = looked(watched, each, at)
    if watched.is_settled:
        assert looked(watched, grade, 99).state is watched.state


@given(GRADES, st.sampled_from(Grade))
def test_it_settles_within_as_many_looks_as_it_takes_to_die(grades, grade):
    watched = Pulse()
    for each in [*grades, *[grade] * max(GONE_MAX, GOOD_MIN, POOR_MIN)]:
        watched = looked(watched, each, 0)
    assert watched.is_settled


@given(GRADES)
def test_on_record_comes_each_change_that_lasts_and_none_twice(grades):
    watched, recorded, told = Pulse(), ALIVE, []
    for at, grade in enumerate(grades):
        watched = looked(watched, grade, at)
        now = to_record(recorded, watched, grade)
        if now is not None:
            told.append(now)
            recorded = now
        if watched.state in (ALIVE, DEAD):
            assert recorded is watched.state
    assert all(one is not other for one, other in pairwise([ALIVE, *told]))
    assert UNKNOWN not in told


def test_one_look_that_finds_it_gone_is_no_fact():
    watched = looked(looked(Pulse(), GOOD, 1), GONE, 2)

    assert to_record(ALIVE, watched, GONE) is None
