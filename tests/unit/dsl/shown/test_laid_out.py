"""JSON on one line is laid out for people, and nothing of it is added, lost or changed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.shown.laid_out import CHARACTERS_MAX, laid_out

JSON = "application/json"
# A string; what structures, with the white space beside it; white space between two words.
GAPS = re.compile(r'("(?:[^"\\]|\\.)*"?)|[ \t\r\n]*([{}\[\],:])[ \t\r\n]*|([ \t\r\n]+)', re.DOTALL)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def said(lines: Sequence[str]) -> str:
    """Return a text without the white space that may be added or left out in JSON."""
    joined = "\n".join(lines).strip(" \t\r\n")
    return GAPS.sub(lambda found: found[1] or found[2] or " ", joined)


def test_an_object_stands_there_line_by_line():
    assert laid_out(['{"a":[1,{"b":"x, {y}: \\""}],"a": 1.0e400}'], JSON) == [
        *("{", '  "a": [', "    1,", "    {", '      "b": "x, {y}: \\""', "    }", "  ],"),
        *('  "a": 1.0e400', "}"),
    ]


@given(VALUES.filter(lambda value: isinstance(value, list | dict)))
def test_what_it_says_is_the_same(value):
    assert json.loads("\n".join(laid_out([json.dumps(value)], JSON))) == value


@given(st.text(alphabet='{}[],:"\\a1 \t\u00a0\u2003', max_size=40))
def test_of_any_text_no_character_is_lost_and_no_two_words_become_one(text):
    assert said(laid_out(["{" + text], JSON)) == said(["{" + text])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[x] this is not approved", ["[", "  x", "] this is not approved"]),
        ("[now here]", ["[", "  now here", "]"]),
        ('{"amount": 1 000}', ["{", '  "amount": 1 000', "}"]),
        ('["a" "b"  -1]', ["[", '  "a" "b" -1', "]"]),
        ("[no [more]]", ["[", "  no [", "    more", "  ]", "]"]),
        ("[1\u00a0000]", ["[", "  1\u00a0000", "]"]),
    ],
)
def test_what_stands_apart_is_not_shown_as_one(text, shown):
    assert laid_out([text], JSON) == shown


@pytest.mark.parametrize("lines", [["plain"], [""], [], ["{", "}"], ["[" * (CHARACTERS_MAX + 1)]])
def test_what_is_none_or_long_is_left_as_it_is(lines):
    assert laid_out(lines, JSON) is lines


@pytest.mark.parametrize(
    ("kind", "is_json"),
    [
        *(
            (JSON, True),
            ("application/sarif+json", True),
            ("application/JSON; charset=utf-8", True),
        ),
        *(("text/plain", False), ("", False), ("application/jsonl", False), ("text/x-json", False)),
    ],
)
def test_what_its_author_does_not_call_json_is_left_as_it_is(kind, is_json):
    assert (laid_out(["[1]"], kind) == ["[", "  1", "]"]) is is_json


def test_what_was_cut_off_is_shown_up_to_there():
    assert laid_out(['{"events":[{"media_ty…'], JSON) == [
        "{",
        '  "events": [',
        "    {",
        '      "media_ty…',
    ]
