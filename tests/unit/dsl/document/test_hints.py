"""Durations as other systems write them, and what they are called there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.values.durations import guess_duration, parse_duration, render_duration


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30min", "30m"),
        ("30 minutes", "30m"),
        ("PT30M", "30m"),
        ("P1DT2H", "1d2h"),
        ("1.5h", "1h30m"),
        ("1 hour 30 mins", "1h30m"),
        ("90 sec", "1m30s"),
        ("2 Days", "2d"),
        (" 5m\n", "5m"),
        ("30M", "30m"),
    ],
)
def test_a_duration_of_another_kind_is_understood(text, meant):
    assert guess_duration(text) == meant


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "10:30", "1500ms", "soon", "30 monkeys", "0m", "99999d", "-5m", "1.5s"]
)
def test_nothing_is_guessed_of(text):
    assert guess_duration(text) is None


@given(st.text(max_size=40))
def test_what_is_guessed_is_a_duration(text):
    meant = guess_duration(text)

    assert meant is None or render_duration(parse_duration(meant)) == meant
