"""Every error shows the place and the smallest fix."""

from __future__ import annotations

import copy
import pickle

import pytest

from dsl.conditions.errors import CompileError, EvaluationError, ExpressionError
from dsl.conditions.parser import parse

MISTAKES = [
    ("inputs.n = 3", "=", "unexpected character '='", "use == to compare"),
    ("a & b", "&", "unexpected character '&'", "use &&"),
    ("a | b", "|", "unexpected character '|'", "use ||"),
    ("a and b", "and", "unknown operator 'and'", "use &&"),
    ("a or b", "or", "unknown operator 'or'", "use ||"),
    ("not a", "not", "unknown operator 'not'", "use !"),
    ("a == True", "True", "unknown name 'True'", "use true"),
    ("a == None", "None", "unknown name 'None'", "use null"),
    ('"abc', '"', "a string is never closed", "close the string"),
    ("'abc\n'", "'", "a string is never closed", "close the string"),
    (r'"a\qb"', r"\q", r"unknown escape \q", r"write \\ for one"),
    ("${{ a }}", "$", "unexpected character '$'", "a name stands as it is"),
    ("a ; b", ";", "unexpected character ';'", ""),
    ("а == 1", "а", "unexpected character 'а'", ""),  # noqa: RUF001  # Cyrillic, on purpose
    ("1 2", "2", "unexpected '2'", ""),
    ("10u", "u", "unexpected 'u'", "a number is written as"),
    ("0x10", "x10", "unexpected 'x10'", "a number is written as"),
    ("1.", "", "expected a field name", ""),
    (".5", ".", "expected a value, got '.'", "write 0.5"),
    ("9223372036854775808", "9223372036854775808", "does not fit in 64 bits", ""),
    ("-9223372036854775809", "-9223372036854775809", "does not fit in 64 bits", ""),
    ("1e999", "1e999", "does not fit in a double", ""),
    ("a.1", "1", "expected a field name, got '1'", ""),
    ("(1", "", "expected ')', got the end", ""),
    ("[1, 2", "", "expected ']', got the end", ""),
    ("{'a' 1}", "1", "expected ':', got '1'", ""),
    ("a ? b", "", "expected ':', got the end", ""),
    ("a[1", "", "expected ']', got the end", ""),
    ("in", "in", "expected a value, got 'in'", ""),
    ("1 +", "", "expected a value, got the end", ""),
    ("", "", "expected a value, got the end", ""),
    ("f(1)", "f", "unknown function 'f'", "known: double, has, int, size, string"),
    ("siz(a)", "siz", "unknown function 'siz'", "did you mean 'size'?"),
    ("a.startWith('b')", "startWith", "unknown method 'startWith'", "did you mean 'startsWith'?"),
    ("size()", "size", "size() takes 1 argument(s), got 0", ""),
    ("a.contains('b', 'c')", "contains", "contains() takes 1 argument(s), got 2", ""),
    ("a.all(x)", "all", "all() takes a name and an expression", "as in items.all(x, x > 1)"),
    ("a.all(1, true)", "all", "all() takes a name and an expression", "as in items.all(x, x > 1)"),
    ("has(a)", "has", "has() takes a field", "as in has(stages.lint.output.score)"),
    ("has(a['b'])", "has", "has() takes a field", '"a-b" in stages.lint.output'),
]


@pytest.mark.parametrize(("source", "place", "message", "hint"), MISTAKES)
def test_a_mistake_is_shown_where_it_is(source, place, message, hint):
    with pytest.raises(CompileError) as raised:
        parse(source)

    error = raised.value
    assert source[error.start : error.end] == place
    assert message in error.message
    assert hint in error.hint


def test_the_text_has_the_line_carets_and_the_hint():
    with pytest.raises(CompileError) as raised:
        parse('stages["sec"].severity == "low" and x')

    assert str(raised.value).splitlines() == [
        "unknown operator 'and'",
        '  stages["sec"].severity == "low" and x',
        "                                  ^^^",
        "  hint: use &&",
    ]


def test_only_the_line_of_the_mistake_is_shown():
    with pytest.raises(CompileError) as raised:
        parse("a == 1 &&\n  b = 2 &&\n  c == 3")

    assert str(raised.value).splitlines()[1:3] == ["    b = 2 &&", "      ^"]


def test_a_long_line_is_clipped_around_the_mistake():
    with pytest.raises(CompileError) as raised:
        parse("a" * 500 + " = 1")

    line, carets = str(raised.value).splitlines()[1:3]
    assert len(line) < 130
    assert line[carets.index("^")] == "="


def test_control_characters_do_not_reach_a_terminal():
    with pytest.raises(CompileError) as raised:
        parse("a == \x1b[31m")

    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("change", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_being_copied_and_sent(change):
    with pytest.raises(ExpressionError) as raised:
        parse("inputs.nn").evaluate({"inputs": {"n": 1}})

    again = change(raised.value)
    assert str(again) == str(raised.value)
    assert type(again) is EvaluationError
