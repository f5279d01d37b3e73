"""Text of others, as a person reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.shown.foreign import MARKS_MAX, aligned, is_legible, legible
from tests.fixtures.hostile.foreign_texts import TEXTS, faults


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a plain word", "a plain word"),
        ("naïve, 日本, Ж", "naïve, 日本, Ж"),
        ("two\nlines", "two ↵ lines"),
        ("two\r\n\n lines\u2028and more\n", "two ↵ lines ↵ and more"),
        ("pay 10" + " " * 60 + "0000", "pay 10 ␣×60 0000"),
        (" led by a blank", "␣led by a blank"),
        ("a\tb\u00a0c\u3000d", "a␣b␣c␣d"),
        ("\x1b[2Koverwritten\r", "?[2Koverwritten"),
        ("right\u202eto left", "right?to left"),
        ("a\u3164b\u115fc\u1160d\u2800e\U000e0100f", "a?b?c?d?e?f"),
        ("a\ud800b", "a?b"),
        ("e\u0301" + "\u0301" * 9, "e" + "\u0301" * MARKS_MAX + "?" * 7),
        ("\u0301 starts with a mark", "? starts with a mark"),
        ("r\u0336e\u0336d", "r?e?d"),
        ("x" * 1_000, "x" * 399 + "…"),
        ("", ""),
    ],
)
def test_what_is_there_is_what_is_read(text, shown):
    assert legible(text) == shown


def test_what_stands_behind_more_blanks_than_are_shown_is_not_hidden_but_cut():
    assert legible("pay 10" + " " * 10_000 + "0000") == "pay 10 ␣×794…"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_none_of_the_fifty_leaves_its_line(text):
    assert faults(legible(text)) == []
    assert faults(aligned(text)) == []


@given(st.text(max_size=2_000))
def test_whatever_it_is_prints_on_one_line_and_is_shown_the_same_again(text):
    shown = legible(text)

    assert faults(shown) == []
    assert len(shown) <= 400
    assert is_legible(shown)


@given(st.text(st.sampled_from("a\t\u0301\u3164 ?\u05d0"), max_size=40))
def test_a_line_of_source_keeps_its_columns(line):
    assert len(aligned(line)) == len(line)
