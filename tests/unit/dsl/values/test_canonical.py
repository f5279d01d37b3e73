"""Canonical JSON: equal values give equal bytes, those of RFC 8785, and nothing is guessed."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from dsl.values.canonical import DIGEST_PATTERN, INTEGER_MAX, canonical, digest_of, digest_of_bytes

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
keys = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_without_floats_the_bytes_are_those_of_rfc_8785(value):
    assert canonical(value).encode() == rfc8785.dumps(value)


@given(values)
def test_what_is_canonical_reads_back_as_the_value(value):
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(keys, values, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_matter(value, random):
    items = list(value.items())
    random.shuffle(items)

    assert digest_of(dict(items)) == digest_of(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_float_reads_back_as_itself(value):
    assert json.loads(canonical(value)) == value


def test_a_tuple_is_a_list():
    assert canonical((1, (2,))) == canonical([1, [2]]) == "[1,[2]]"


def test_a_boolean_is_not_a_number():
    assert canonical([True, 1]) == "[true,1]"


@pytest.mark.parametrize(
    "value",
    [
        INTEGER_MAX + 1,
        -INTEGER_MAX - 1,
        float("nan"),
        float("inf"),
        {1: "a"},
        {None: "a"},
        {"😀": 1},
        {"a": {1, 2}},
        [b"bytes"],
        pytest.param(object(), id="object()"),
    ],
    ids=repr,
)
def test_what_other_readers_would_read_differently_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_a_digest_names_its_algorithm_and_is_that_of_the_bytes():
    digest = digest_of({"b": 1, "a": "é"})

    assert digest == digest_of_bytes('{"a":"é","b":1}'.encode())
    assert digest == "sha256:" + hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()


@given(st.binary(max_size=20))
def test_every_digest_has_the_form_that_is_promised(data):
    assert re.fullmatch(DIGEST_PATTERN, digest_of_bytes(data))
