"""An expression cannot hang, fill memory or overflow the stack, whatever it says."""

from __future__ import annotations

import sys
import time

import pytest

from dsl.conditions.errors import BudgetError, CompileError, EvaluationError
from dsl.conditions.parser import parse
from dsl.conditions.types import BOOL, Map
from dsl.limits import (
    EXPRESSION_CHAIN_MAX,
    EXPRESSION_DEPTH_MAX,
    EXPRESSION_LENGTH_MAX,
    EXPRESSION_STEPS_MAX,
)

HUNDRED = {"b": list(range(100)), "t": "x" * 50_000}


def nested(opening: str, inner: str, closing: str, times: int) -> str:
    return opening * times + inner + closing * times


HANGS = [
    "b.map(a, b.map(c, b.map(d, b.map(e, b.map(f, b.map(g, 1))))))",
    "b.all(a, b.all(c, b.all(d, b.all(e, true))))",
    "b.exists(a, b.exists(c, b.exists(d, nobody)))",
    "b.filter(a, b.filter(c, b == b) == b) == b",
    "b.map(a, b.map(c, t.contains('y')))",
    "b.map(a, b.map(c, double(t) > 0.0))",
    "b.map(a, b.map(c, [b, b] in [[b, b]]))",
]


@pytest.mark.parametrize("source", HANGS)
def test_an_endless_expression_ends_in_time(source):
    expression = parse(source)
    started = time.process_time()

    with pytest.raises(EvaluationError):
        expression.evaluate(HUNDRED)

    assert time.process_time() - started < 1.0  # measured: some 20 ms; Temporal allows 2 s


@pytest.mark.parametrize(
    "source", ["b.all(x, x >= 0) && b.all(x, x < 100)", "b.map(x, x * x).exists(x, x > 9000)"]
)
def test_what_fits_the_budget_is_not_refused(source):
    assert parse(source).test(HUNDRED)


def test_no_operand_makes_up_for_a_spent_budget():
    with pytest.raises(BudgetError, match="too many steps"):
        parse("b.map(a, b.map(c, b)) == b || true").evaluate(HUNDRED, steps=100)


def test_steps_are_counted_exactly():
    assert parse("1 + 2").evaluate({}, steps=3) == 3
    with pytest.raises(BudgetError):
        parse("1 + 2").evaluate({}, steps=2)


@pytest.mark.parametrize(
    "source",
    [
        "[t].map(a, a + a).map(a, a + a).map(a, a + a)",
        "b.map(a, t + t)",
        "[b]" + ".map(a, a + a)" * 12,
    ],
)
def test_what_is_put_together_is_limited(source):
    with pytest.raises(BudgetError, match="too large"):
        parse(source).evaluate(HUNDRED)


def test_a_value_that_unfolds_without_end_does_not_leave():
    bomb = "[b]" + ".map(a, [a, a])" * 30

    with pytest.raises(EvaluationError, match="too large a value"):
        parse(bomb).evaluate(HUNDRED)
    with pytest.raises(BudgetError, match="too many steps"):
        parse(f"{bomb} == {bomb}").evaluate(HUNDRED)


def test_a_value_too_deep_to_be_written_does_not_leave():
    deep: list[object] = []
    for _ in range(sys.getrecursionlimit()):
        deep = [deep]

    with pytest.raises(EvaluationError, match="nested more than"):
        parse("a").evaluate({"a": deep})


@pytest.mark.parametrize(
    "source",
    [
        nested("(", "1", ")", EXPRESSION_DEPTH_MAX + 1),
        nested("[", "1", "]", EXPRESSION_DEPTH_MAX + 1),
        nested("!", "true", "", EXPRESSION_DEPTH_MAX + 1),
        nested("- ", "x", "", EXPRESSION_DEPTH_MAX + 1),
        nested("true ? 1 : ", "2", "", EXPRESSION_DEPTH_MAX + 1),
        nested("a[", "1", "]", EXPRESSION_DEPTH_MAX + 1),
        nested("size(", "1", ")", EXPRESSION_DEPTH_MAX + 1),
    ],
)
def test_deep_nesting_is_refused(source):
    with pytest.raises(CompileError, match=f"nested more than {EXPRESSION_DEPTH_MAX} deep"):
        parse(source)


@pytest.mark.parametrize("link", [" + 1", " == 1", ".a", "[0]", ".size()"])
def test_long_chains_are_refused(link):
    parse("a" + link * EXPRESSION_CHAIN_MAX)
    with pytest.raises(CompileError, match="in a row"):
        parse("a" + link * (EXPRESSION_CHAIN_MAX + 1))


def test_chains_within_chains_are_refused_before_they_overflow_the_stack():
    source = "1"
    for _ in range(EXPRESSION_DEPTH_MAX - 2):
        source = f"({source}" + "+1" * 30 + ")"
    assert len(source) < EXPRESSION_LENGTH_MAX

    with pytest.raises(CompileError, match="too deep"):
        parse(source)


@pytest.mark.parametrize("operator", ["&&", "||"])
def test_a_long_list_of_alternatives_is_fine(operator):
    source = operator.join(["a"] * (EXPRESSION_LENGTH_MAX // 3))

    assert parse(source).test({"a": operator == "&&"}) is (operator == "&&")


def test_the_deepest_tree_that_is_allowed_can_be_evaluated():
    chain = "x" + " + x" * (EXPRESSION_CHAIN_MAX - 1)
    macros = nested("[1].exists(x, ", f"{chain} > 0", ")", EXPRESSION_DEPTH_MAX - 2)

    expression = parse(macros)
    assert expression.check(Map({})) == BOOL
    assert expression.test({})


@pytest.mark.parametrize(
    "source", ["a" * (EXPRESSION_LENGTH_MAX + 1), "1+" * EXPRESSION_LENGTH_MAX]
)
def test_a_source_that_is_too_long_is_refused(source):
    with pytest.raises(CompileError, match=f"at most {EXPRESSION_LENGTH_MAX} characters"):
        parse(source)


def test_the_default_budget_is_the_documented_one():
    items = list(range(EXPRESSION_STEPS_MAX))

    with pytest.raises(BudgetError):
        parse("items.all(x, true)").evaluate({"items": items})
    assert parse("items.all(x, true)").evaluate({"items": items[:-2]})
