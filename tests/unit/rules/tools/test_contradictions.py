"""Conditions that hold for nothing are found, and none that holds for something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import parse
from dsl.rules.tools.contradictions import contradicted
from tests.unit.dsl.checks.test_tools import rule, stage
from tests.unit.dsl.documents import is_error, only


@pytest.mark.parametrize(
    "when",
    [
        "args.a < 5 && args.a > 10",
        "args.a < 5 && args.a >= 5",
        "5 > args.a && 5 < args.a",
        "args.a == 1 && args.a == 2",
        'args.a == "x" && args.b && args.a == "y"',
        "args.a == 3 && args.a > 3",
        'args.a in ["x", "y"] && args.a == "z"',
        "args.a in []",
        "args.a > -1 && args.a < -2",
        "args.b > 0 && (args.a < 1 && args.a > 2 || args.a == 1 && args.a == 2)",
    ],
)
def test_what_contradicts_itself_is_found(when: str):
    assert contradicted(parse(when).root) == "args.a"


@pytest.mark.parametrize(
    "when",
    [
        "args.a < 5 || args.a > 10",
        "args.a >= 5 && args.a <= 5",
        "args.a < 5 && args.b > 10",
        "args.a == 1 && args.a == 1.0",
        "!(args.a < 5 && args.a > 10)",
        "args.a.exists(x, x < 5) && args.a.exists(x, x > 10)",
        'args.a > "b" && args.a < "a"',
        "args.a == inputs.b && args.a == 2",
        "args.a[0] == 1 && args.a[1] == 2",
    ],
)
def test_what_may_hold_is_left_alone(when: str):
    assert contradicted(parse(when).root) is None


PARTS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["args.a", "args.b"]),
    st.sampled_from(["<", "<=", ">", ">=", "=="]),
    st.integers(-2, 2),
)


CHAINS = st.recursive(
    PARTS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner),
    max_leaves=6,
)


@given(CHAINS, st.integers(-6, 6), st.integers(-6, 6))
def test_no_value_fits_what_is_found(when: str, a: int, b: int):
    expression = parse(when)
    if contradicted(expression.root) is None:
        return
    try:
        holds = expression.test({"args": {"a": a / 2, "b": b / 2}})
    except ExpressionError:
        return
    assert not holds, when


def test_a_table_with_a_rule_that_holds_for_nothing_is_warned_about():
    table = stage(rule("policy: allow, when: args.amount < 5 && args.amount > 10"))
    problem = only(table)

    assert (problem.code, is_error(problem)) == ("DSL336", False)
    assert "no args.amount fits the condition: the rule never decides" in str(problem)
