"""The same answers as another implementation of CEL, written in Rust by other people.

Left out, for the two are known to differ and ours follows the specification:

* ``size`` of text beyond ASCII (theirs counts bytes), so the texts are ASCII;
* ints and doubles compared beyond 2^53 (theirs converts first), so numbers stay small;
* ``all`` and ``exists`` over an error (theirs gives up, where one item decides);
* comparisons with NaN (theirs has no value for them), and infinity as a result (ours has
  none: JSON cannot say it), so doubles are not divided by zero;
* ``!!`` of what is no bool (theirs cancels), and ``string()`` (theirs has none for bools).
"""

from __future__ import annotations

import re
from typing import Any

import cel
import pytest
from hypothesis import given

from dsl.conditions.errors import EvaluationError
from dsl.conditions.parser import parse
from tests.fixtures.search import inputs
from tests.unit.conditions.generated import ENV, anything

NO_VALUE = "no value"
DECIDES_OVER_ERRORS = re.compile(r"\.(all|exists)\(")
ENVIRONMENT = {**ENV, "x": 1}


def ours(source: str) -> Any:
    try:
        return parse(source).evaluate(ENVIRONMENT)
    except EvaluationError:
        return NO_VALUE


def theirs(source: str) -> Any:
    try:
        return cel.evaluate(source, ENVIRONMENT)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError):
        return NO_VALUE


@given(anything())
@inputs(600)
def test_a_generated_expression_has_the_value_the_other_gives_it(source):
    found, expected = ours(source), theirs(source)
    if expected == NO_VALUE and DECIDES_OVER_ERRORS.search(source):
        return

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "source",
    [
        "false && nobody",
        "nobody && false",
        "nobody || true",
        "true && nobody",
        "1 + 1.0",
        "1 == 1.0",
        '1 == "1"',
        "-7 / 2",
        "-7 % 2",
        "1 / 0",
        "9223372036854775807 + 1",
        "-9223372036854775808",
        "[1, 2, 3].exists_one(x, x > 2)",
        "m.z",
        "has(m.z)",
        '"c-d" in m',
        "items[3]",
        "true < false",
        "1 < 2.5",
        "int(2.9)",
        "int(-2.9)",
        'int("12")',
        'double("1.5")',
        "b ? 1 : nobody",
        "m.exists(k, m[k] == 3)",
    ],
)
def test_a_corner_of_the_language_is_as_the_other_has_it(source):
    assert ours(source) == theirs(source)
