"""What an old beat says, and how far a clock is off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import LEASE_TTL_MS
from dsl.rules.health.beats import BEAT_MS, MISSED_MS, OVER_MS, counted, is_orphan, of_beat
from dsl.rules.health.clocks import skew_ms
from dsl.rules.health.vitality import Vitality

AGES = st.integers(0, 10 * LEASE_TTL_MS)


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (0, Vitality.ALIVE),
        (2 * BEAT_MS, Vitality.ALIVE),
        (MISSED_MS + 1, Vitality.SUSPECT),
        (LEASE_TTL_MS, Vitality.SUSPECT),
        (LEASE_TTL_MS + 1, Vitality.DEAD),
    ],
)
def test_an_agent_is_dead_when_its_lease_has_run_out(age, state):
    assert of_beat(age) is state


@given(AGES, AGES)
def test_nobody_is_better_for_being_silent_longer(one, other):
    worse = [Vitality.ALIVE, Vitality.SUSPECT, Vitality.DEAD].index

    assert worse(of_beat(min(one, other))) <= worse(of_beat(max(one, other)))


@given(st.lists(AGES))
def test_every_agent_is_counted_once(ages):
    assert sum(counted(ages).values()) == len(ages)


@pytest.mark.parametrize(("over", "is_one"), [(None, False), (OVER_MS, False), (OVER_MS + 1, True)])
def test_an_orphan_works_for_a_run_that_is_over_for_a_while(over, is_one):
    assert is_orphan(over) is is_one


@given(st.integers(0, 10**13), st.integers(0, 5_000), st.data())
def test_a_clock_that_tells_a_time_between_asking_and_hearing_is_right(asked, took, data):
    said = data.draw(st.integers(asked, asked + took))

    assert skew_ms(asked, asked + took, said) == 0


@given(st.integers(10**6, 10**13), st.integers(0, 5_000), st.integers(-(10**6), 10**6))
def test_a_clock_is_off_by_what_it_is_off_less_what_the_answer_took(asked, took, off):
    said = asked + took + off if off > 0 else asked + off

    assert skew_ms(asked, asked + took, said) == off


@given(st.integers(0, 10**10), st.integers(0, 999))
def test_a_clock_of_whole_seconds_may_mean_any_moment_of_its_second(second, moment):
    asked = second * 1_000 + moment

    assert skew_ms(asked, asked, second * 1_000, grain_ms=1_000) == 0
