"""Who is an orphan, and how far a clock is off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.rules.health.beats import OVER_MS, is_orphan
from dsl.rules.health.clocks import skew_ms


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
