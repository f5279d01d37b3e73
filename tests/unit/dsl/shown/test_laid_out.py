"""JSON on one line is laid out for people, and nothing of it is added, lost or changed."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.shown.laid_out import CHARACTERS_MAX, laid_out

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_an_object_stands_there_line_by_line():
    assert laid_out(['{"a":[1,{"b":"x, {y}: \\""}],"a": 1.0e400}']) == [
        *("{", '  "a": [', "    1,", "    {", '      "b": "x, {y}: \\""', "    }", "  ],"),
        *('  "a": 1.0e400', "}"),
    ]


@given(VALUES.filter(lambda value: isinstance(value, list | dict)))
def test_what_it_says_is_the_same(value):
    assert json.loads("\n".join(laid_out([json.dumps(value)]))) == value


@given(st.text(alphabet='{}[],:"\\a1 ', max_size=40))
def test_of_any_text_no_character_is_lost(text):
    told = "".join(laid_out(["{" + text]))

    assert re.sub(r"\s", "", told) == re.sub(r"\s", "", "{" + text)


@pytest.mark.parametrize("lines", [["plain"], [""], [], ["{", "}"], ["[" * (CHARACTERS_MAX + 1)]])
def test_what_is_none_or_long_is_left_as_it_is(lines):
    assert laid_out(lines) is lines


def test_what_was_cut_off_is_shown_up_to_there():
    assert laid_out(['{"events":[{"media_ty…']) == [
        "{",
        '  "events": [',
        "    {",
        '      "media_ty…',
    ]
