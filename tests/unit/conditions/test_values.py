"""What expressions are worth, in plain tables."""

from __future__ import annotations

import math
import sys

import pytest

from dsl.conditions.errors import EvaluationError
from dsl.conditions.parser import parse

ENV = {
    "inputs": {"env": "production", "n": 3, "ratio": 0.5, "dry": False, "absent": None},
    "stages": {
        "lint": {"status": "completed", "output": {"score": 7, "tags": ["a", "b"]}},
        "my-stage": {"status": "skipped"},
        "checks/lint": {"status": "failed"},
    },
}

VALUES = [
    # names and members
    ('inputs.env == "production"', True),
    ('stages["my-stage"].status', "skipped"),
    ("stages['checks/lint'].status", "failed"),
    ("stages.lint.output.tags[1]", "b"),
    ("inputs.absent == null", True),
    ("has(stages.lint.output.score)", True),
    ("has(stages.lint.output.grade)", False),
    ('"my-stage" in stages', True),
    # logic
    ("true && false || true", True),
    ("!inputs.dry", True),
    ("true ? 1 : 2", 1),
    ("false ? 1 : true ? 2 : 3", 2),
    # the deciding operand wins over an error, on either side
    ("false && nobody", False),
    ("nobody && false", False),
    ("nobody || true", True),
    ("1 / 0 > 0 || nobody || true", True),
    ("false && 5", False),
    # numbers
    ("1 + 2 * 3 - 4", 3),
    ("(1 + 2) * 3", 9),
    ("-7 / 2", -3),
    ("-7 % 2", -1),
    ("7 % -2", 1),
    ("1.0 / 4.0", 0.25),
    ("-9223372036854775808", -(2**63)),
    ("- 3", -3),
    ("--3", 3),
    ("1 == 1.0", True),
    ("1 in [1.0]", True),
    ("9223372036854775807 < 9223372036854775808.0", True),  # a double cannot tell them apart
    ("1.5e3", 1500.0),
    # nothing but its like
    ('1 == "1"', False),
    ("true == 1", False),
    ("true in [1]", False),
    ("null == false", False),
    ('{"a": [1, {"b": 2}]} == {"a": [1.0, {"b": 2}]}', True),
    ('{"a": 1} == {"a": 2}', False),
    ('{"a": 1} == {"b": 1}', False),
    ("[1, 2] == [1]", False),
    ("[] != [1]", True),
    ("1 in {}", False),
    # order
    ('"a" < "b"', True),
    ("false < true", True),
    ("2 >= 2.5", False),
    # strings
    ('"a" + "b"', "ab"),
    ("'single' == \"single\"", True),
    (r'"tab\tquote\"back\\"', 'tab\tquote"back\\'),
    ('"production".startsWith("prod")', True),
    ('"production".endsWith("prod")', False),
    ('"production".contains("duct")', True),
    ('size("äöü")', 3),
    ('"äöü".size()', 3),
    ("'&&' + ']'", "&&]"),
    # conversions
    ('int("-12")', -12),
    ("int(2.9)", 2),
    ("int(-2.9)", -2),
    ('double("1.5e1")', 15.0),
    ("double(2)", 2.0),
    ("string(12)", "12"),
    ("string(true)", "true"),
    ("string(1.0)", "1"),
    ("string(0.1)", "0.1"),
    # macros
    ("[1, 2, 3].all(x, x > 0)", True),
    ("[1, 2, 3].exists(x, x > 2)", True),
    ("[1, 2, 3].exists_one(x, x > 1)", False),
    ("[1, 2, 3].map(x, x * x)", [1, 4, 9]),
    ("[1, 2, 3].filter(x, x != 2)", [1, 3]),
    ('stages.exists(name, stages[name].status == "failed")', True),
    ("[[1], [2, 3]].map(x, x.map(x, x + 1))", [[2], [3, 4]]),
    ("[].all(x, x)", True),
    ("[].exists(x, x)", False),
    ("[0, 1].exists(x, 1 / x == 1)", True),
    ("[0, 2].all(x, 1 / x == 1)", False),
    ("[1].map(inputs, inputs)", [1]),  # a variable hides a root name
    # shapes
    ("[1, 'a', null, [true]]", [1, "a", None, [True]]),
    ("{'a': 1, 'b': {'c': []}}", {"a": 1, "b": {"c": []}}),
    ("[1, 2,]", [1, 2]),
    ("[1] + [2]", [1, 2]),
    ("size([1, 2]) + size({'a': 1})", 3),
    ("\n 1 +\n\t2 ", 3),
]

ERRORS = [
    ("nobody", "unknown name 'nobody'"),
    ("inputs.nothing", "no field 'nothing'"),
    ("inputs.env.x", "a string has no fields"),
    ("inputs[1]", "the key of a map is a string, not an int"),
    ("[1][1]", "index 1 is outside of a list of 1"),
    ("[1][-1]", "index -1 is outside of a list of 1"),
    ("[1][true]", "the index of a list is an int, not a bool"),
    ("[1].x", "a list has no fields"),
    ("has(inputs.env.x)", "a string has no fields"),
    ("1 + 1.0", "cannot mix int + double"),
    ('1 + "a"', "cannot compute an int + a string"),
    ("1 < null", "cannot compute an int < null"),
    ("true + true", "cannot compute a bool + a bool"),
    ("2.0 % 1.0", "cannot compute a double % a double"),
    ("1 / 0", "division by zero"),
    ("1 % 0", "division by zero"),
    ("9223372036854775807 + 1", "does not fit in 64 bits"),
    ("-9223372036854775808 / -1", "does not fit in 64 bits"),
    ("-(-9223372036854775807 - 1)", "does not fit in 64 bits"),
    ("1 && true", "expected a bool, got an int"),
    ("true && nobody", "unknown name"),
    ("nobody && nothing", "unknown name 'nobody'"),
    ("1 ? 2 : 3", "expected a bool, got an int"),
    ('!"a"', "expected a bool, got a string"),
    ('-"a"', "cannot negate a string"),
    ("1 in 2", "'in' looks into a list or a map, not into an int"),
    ('"a" in "abc"', "'in' looks into a list or a map, not into a string"),
    ("{'a': 1, 'a': 2}", "the key 'a' stands twice"),
    ("{1: 2}", "the key of a map is a string, not an int"),
    ("size(1)", "size() does not take an int"),
    ('int("1.5")', "'1.5' is not an integer"),
    ('int("٣")', "is not an integer"),
    ("int(1e300)", "does not fit in 64 bits"),
    ("int(1.0 / 0.0)", "inf is not an integer"),
    ("int(true)", "int() does not take a bool"),
    ('double("1_000")', "'1_000' is not a number"),
    ('double("inf")', "'inf' is not a number"),
    ('double("1e999")', "does not fit in a double"),
    ("string([])", "string() does not take a list"),
    ("1.0 / 0.0", "not a finite number"),
    ('[1].contains("a")', "contains() takes two strings, got a list and a string"),
    ("1.exists(x, x)", "exists() goes over a list or a map, not an int"),
    ("[1].all(x, x)", "expected a bool, got an int"),
    ("[0, 1].all(x, 1 / x == 1)", "division by zero"),
    ("[1].map(x, x) == x", "unknown name 'x'"),  # the variable ends with its macro
]


@pytest.mark.parametrize(("source", "value"), VALUES)
def test_an_expression_has_this_value(source, value):
    found = parse(source).evaluate(ENV)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("source", "message"), ERRORS)
def test_an_expression_without_a_value_says_why(source, message):
    with pytest.raises(EvaluationError) as raised:
        parse(source).evaluate(ENV)

    assert message in raised.value.message


def test_doubles_divide_as_in_ieee_754():
    assert parse("1.0 / 0.0 > 1e300").test({})
    assert parse("-1.0 / 0.0 < 0.0").test({})
    assert parse("1.0 / -0.0 < 0.0").test({})
    assert parse("0.0 / 0.0 != 0.0 / 0.0").test({})
    assert math.copysign(1.0, parse("-zero").evaluate({"zero": 0.0})) == -1.0


@pytest.mark.parametrize("source", ["1", '"true"', "null", "[true]"])
def test_a_condition_is_a_bool_and_nothing_that_looks_like_one(source):
    with pytest.raises(EvaluationError, match="a condition is a bool"):
        parse(source).test({})


def test_evaluating_changes_nothing_it_was_given():
    env = {"items": [1, 2], "x": 5}

    assert parse("items.map(x, x) + [x]").evaluate(env) == [1, 2, 5]
    assert env == {"items": [1, 2], "x": 5}


def test_deep_values_compare_without_recursion():
    deep: list[object] = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]

    assert parse("a == b").evaluate({"a": deep, "b": deep}, steps=10_000) is True


def test_a_missing_field_is_told_with_what_is_near():
    with pytest.raises(EvaluationError) as raised:
        parse("out.scor").evaluate({"out": {"score": 1, "grade": 2}})

    assert raised.value.hint == "did you mean 'score'?"


def test_no_time_is_spent_on_names_near_a_very_long_one():
    env = {"out": {"a" * 60_000: 1}, "key": "b" * 60_000}
    with pytest.raises(EvaluationError) as raised:
        parse("out[key]").evaluate(env)

    assert raised.value.hint == ""
    assert len(str(raised.value)) < 200
