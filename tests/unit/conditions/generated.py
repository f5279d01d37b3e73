"""Expressions at random: of a known type, so that most of them have a value."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st

ENV: dict[str, Any] = {
    "i": 3,
    "j": -7,
    "d": 2.5,
    "s": "production",
    "e": "",
    "b": True,
    "n": None,
    "items": [1, 2, 3],
    "words": ["a", "b"],
    "m": {"a": 1, "b": 2, "c-d": 3},
}
DEPTH_MAX = 3
# How long an example takes says more about the machine than about the language.
UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

Source = st.SearchStrategy[str]


@cache  # each is part of many others
def integers(depth: int) -> Source:
    simple = st.sampled_from(["i", "j", "m.a", 'm["c-d"]', "items[0]", "x"]) | st.integers(
        -4, 9
    ).map(str)
    if depth == 0:
        return simple
    inner = integers(depth - 1)
    return st.one_of(
        simple,
        _binary(inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner),
        st.builds("size({})".format, lists(depth - 1) | strings(depth - 1)),
        st.builds("({} ? {} : {})".format, bools(depth - 1), inner, inner),
        st.builds("int({})".format, doubles(depth - 1)),
        st.builds("-({})".format, inner),
        st.builds("{}[{}]".format, lists(depth - 1), st.integers(0, 3)),
    )


@cache
def doubles(depth: int) -> Source:
    simple = st.sampled_from(["d", "0.5", "1.0", "-2.25", "1e3"])
    if depth == 0:
        return simple
    inner = doubles(depth - 1)
    return st.one_of(
        simple,
        _binary(inner, st.sampled_from(["+", "-", "*"]), inner),
        st.builds("({} / 4.0)".format, inner),
        st.builds("double({})".format, integers(depth - 1)),
    )


@cache
def strings(depth: int) -> Source:
    simple = st.sampled_from(["s", "e", '"prod"', "'a'", '"b c"', "words[1]"])
    if depth == 0:
        return simple
    inner = strings(depth - 1)
    return st.one_of(
        simple,
        _binary(inner, st.just("+"), inner),
        st.builds("({} ? {} : {})".format, bools(depth - 1), inner, inner),
    )


@cache
def lists(depth: int) -> Source:
    simple = st.sampled_from(["items", "[]", "[1, 2]", "[i, j]"])
    if depth == 0:
        return simple
    inner = lists(depth - 1)
    return st.one_of(
        simple,
        st.lists(integers(depth - 1), max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        _binary(inner, st.just("+"), inner),
        st.builds("{}.map(x, {})".format, inner, integers(depth - 1)),
        st.builds("{}.filter(x, {})".format, inner, bools(depth - 1)),
    )


@cache
def bools(depth: int) -> Source:
    simple = st.sampled_from(
        ["b", "true", "false", "n == null", "has(m.a)", "has(m.z)", '"a" in m']
    )
    if depth == 0:
        return simple
    below = depth - 1
    inner = bools(below)
    order = st.sampled_from(["<", "<=", ">", ">="])
    equal = st.sampled_from(["==", "!="])
    return st.one_of(
        simple,
        _binary(inner, st.sampled_from(["&&", "||"]), inner),
        st.builds("!({})".format, inner),
        _binary(integers(below), order | equal, integers(below) | doubles(below)),
        _binary(doubles(below), order, doubles(below)),
        _binary(strings(below), order | equal, strings(below)),
        _binary(lists(below), equal, lists(below)),
        _binary(anything(below), equal, anything(below)),
        _binary(integers(below), st.just("in"), lists(below)),
        st.builds(
            "{}.{}({})".format,
            strings(below),
            st.sampled_from(["startsWith", "endsWith", "contains"]),
            strings(below),
        ),
        st.builds(
            "{}.{}(x, {})".format,
            lists(below),
            st.sampled_from(["all", "exists", "exists_one"]),
            inner,
        ),
    )


@cache
def anything(depth: int = DEPTH_MAX) -> Source:
    return st.one_of(integers(depth), doubles(depth), strings(depth), bools(depth), lists(depth))


def _binary(left: Source, operator: Source, right: Source) -> Source:
    return st.builds("({} {} {})".format, left, operator, right)
