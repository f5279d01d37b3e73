"""Whatever is written, an expression has a value or an ``ExpressionError``, and nothing else."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.conditions.errors import CompileError, EvaluationError, ExpressionError
from dsl.conditions.interpolate import OPENING, compile_template, resolve
from dsl.conditions.parser import parse
from dsl.conditions.types import ANY, BOOL, DOUBLE, INT, NULL, STRING, ListOf, Map, MapOf
from tests.fixtures.search import inputs
from tests.unit.conditions.generated import ENV, UNHURRIED, anything, bools

SCHEMA = Map(
    {
        **dict.fromkeys(("i", "j"), INT),
        **dict.fromkeys(("s", "e"), STRING),
        "b": BOOL,
        "d": DOUBLE,
        "n": NULL,
        "items": ListOf(INT),
        "words": ListOf(STRING),
        "m": MapOf(INT),
        "x": ANY,
    }
)
PIECES = [
    *"()[]{}.,:?!-+*/%<>",
    *["==", "!=", "&&", "||", "in", "true", "null", "1", "2.5", '"a"', "'b'", "i", "s", "m.a"],
    *["items", ".all(x, ", ".map(x, ", "size(", "has(", " ", "\n", "and", "=", "${{", "}}", "\\"],
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
templates = st.recursive(
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
sources = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def exercise(source: str) -> None:
    try:
        expression = parse(source)
    except CompileError as error:
        check_place(error)
        return
    with contextlib.suppress(CompileError):
        expression.check(SCHEMA)
    try:
        expression.evaluate(ENV, steps=500)
    except EvaluationError as error:
        check_place(error)


def check_place(error: ExpressionError) -> None:
    assert 0 <= error.start < error.end
    assert error.start <= len(error.source)
    assert error.message in str(error)


@given(st.text(max_size=60))
@settings(**UNHURRIED)
def test_any_text_at_all(source):
    exercise(source)


@given(sources)
@inputs(400)
def test_any_heap_of_tokens(source):
    exercise(source)


@given(anything())
@inputs(200)
def test_any_expression(source):
    exercise(source)


@given(json_values, json_values, st.sampled_from(["==", "<", "+", "in", "%", "&&", "? x :"]))
@inputs(200)
def test_any_values(x, y, operator):
    for source in (f"x {operator} y", "x.a", "x[y]", "string(x) + y", "x.all(k, k == y)", "int(x)"):
        with contextlib.suppress(EvaluationError):
            parse(source).evaluate({"x": x, "y": y})


@given(templates)
@inputs(200)
def test_any_template(template):
    with contextlib.suppress(ExpressionError):
        compile_template(template).resolve(ENV)


@given(st.text().filter(lambda text: OPENING not in text))
@settings(**UNHURRIED)
def test_a_text_without_expressions_stays_as_it_is(text):
    assert resolve(text, {}) == text


@given(json_values.filter(lambda value: not isinstance(value, float)))
@settings(**UNHURRIED)
def test_what_stands_alone_keeps_its_value(value):
    try:
        assert resolve({"k": ["${{ x }}"]}, {"x": value}) == {"k": [value]}
    except EvaluationError as error:
        assert "finite" in error.message  # noqa: PT017  # JSON has no NaN inside a list either


@given(bools(3))
@inputs(300)
def test_what_the_check_lets_through_has_no_clash_of_types_when_it_runs(source):
    expression = parse(source)
    try:
        expression.check_condition(Map({**SCHEMA.fields, "x": INT}))
    except CompileError:
        return
    try:
        expression.test({**ENV, "x": 1})
    except EvaluationError as error:
        excused = ("division by zero", "outside of", "64 bits", "not an integer")
        assert any(reason in error.message for reason in excused)  # noqa: PT017
