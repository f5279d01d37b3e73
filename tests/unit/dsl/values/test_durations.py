"""Durations: always with a unit, never longer or shorter than the limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import TIMEOUT_MS_MAX, TIMEOUT_MS_MIN
from dsl.values.durations import parse_duration, render_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1s", 1_000),
        ("90s", 90_000),
        ("30m", 1_800_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("1d2h3m4s", 93_784_000),
        ("30d", TIMEOUT_MS_MAX),
        ("0h5m", 300_000),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text, ms):
    assert parse_duration(text) == ms


@pytest.mark.parametrize("value", [90, 1.5, "90"])
def test_a_number_without_a_unit_is_refused_with_the_two_that_may_be_meant(value):
    with pytest.raises(ValueError, match=f"needs a unit: write {value}s or {value}m"):
        parse_duration(value)


@pytest.mark.parametrize(
    "value", ["", "s", "5", "5x", "30m1h", "1h 30m", "PT30M", "-5m", "1.5h", "10ms", "1H", "5mm"]
)
def test_any_other_form_is_refused(value):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


@pytest.mark.parametrize("value", [None, True, [], {}])
def test_what_is_no_text_is_refused_in_words(value):
    with pytest.raises(ValueError, match="expected a duration such as 90s or 30m"):
        parse_duration(value)


@pytest.mark.parametrize("value", ["0s", "0d0h", "31d", "30d1s", "999999d"])
def test_a_duration_outside_the_limits_is_refused(value):
    with pytest.raises(ValueError, match="limits of 1s to 30d"):
        parse_duration(value)


@given(st.integers(TIMEOUT_MS_MIN // 1_000, TIMEOUT_MS_MAX // 1_000))
def test_what_is_rendered_is_read_back(seconds):
    assert parse_duration(render_duration(seconds * 1_000)) == seconds * 1_000


@pytest.mark.parametrize(("ms", "text"), [(0, "0s"), (999, "0s"), (5_400_000, "1h30m")])
def test_the_rendered_form_is_the_shortest(ms, text):
    assert render_duration(ms) == text


@given(st.text(max_size=12) | st.from_regex(r"[0-9dhms.]{0,12}", fullmatch=True))
def test_any_text_is_a_duration_within_the_limits_or_refused(text):
    try:
        ms = parse_duration(text)
    except ValueError:
        return
    assert TIMEOUT_MS_MIN <= ms <= TIMEOUT_MS_MAX
