"""Arguments on the ledger: what was asked for is read there again, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.limits import FACT_BYTES_MAX
from dsl.rules.tools.kept import (
    ARGUMENTS,
    EXACTLY,
    are_digested,
    arguments_kept,
    exact_text,
    reads_as,
)
from workflows.ledger.facts import fact

DEEP: dict[str, Any] = {"a": 1.5}
for _ in range(28):
    DEEP = {"a": DEEP}


def entry_of(arguments):
    """What a workflow notes of a call."""
    noted = fact({ARGUMENTS: arguments})[ARGUMENTS]
    text = exact_text(arguments, noted)
    return fact({ARGUMENTS: arguments, **({EXACTLY: text} if text is not None else {})})


@pytest.mark.parametrize(
    "arguments",
    [
        {"amount": 9.5},
        {"amount": "9.5"},
        {"lines": [{"price": 0.1}, {"price": 1e300}]},
        {"digest": "sha256:0", "count": 2},
        {"card": {"$sealed": "sha256:0"}, "amount": 2.5},
        DEEP,
        {},
    ],
    ids=("a float", "its text", "floats in a list", "like a digest", "a seal", "deep", "none"),
)
def test_arguments_are_read_as_they_were_asked_for(arguments):
    assert arguments_kept(entry_of(arguments)) == arguments
    assert reads_as(entry_of(arguments)[ARGUMENTS], arguments)


@pytest.mark.parametrize(
    ("noted", "exact"),
    [
        ({"id": "i-1"}, {"id": "i-2"}),
        ({"id": "1"}, {"id": 1}),
        ({"id": True}, {"id": 1}),
        ({"id": "9.6"}, {"id": 9.5}),
        ({"id": "i-1"}, {"id": "i-1", "to": "me"}),
        ({"id": "i-1", "to": "me"}, {"id": "i-1"}),
        ({"of": ["a"]}, {"of": ["a", "b"]}),
        ({"of": [{"a": "1"}]}, {"of": [{"a": 1}]}),
        ({"of": "a"}, {"of": ["a"]}),
        ({"id": {"digest": f"sha256:{'0' * 64}", "count": 2}}, {"id": "i-1"}),
        (None, {}),
    ],
)
def test_what_people_read_as_something_else_is_another_thing(noted, exact):
    assert not reads_as(noted, exact)


def test_only_what_an_entry_cannot_hold_stands_there_twice():
    assert entry_of({"amount": 9, "note": "x"}) == {ARGUMENTS: {"amount": 9, "note": "x"}}
    assert entry_of({"amount": 9.5}) == {ARGUMENTS: {"amount": "9.5"}, EXACTLY: '{"amount":9.5}'}


@pytest.mark.parametrize("amount", [1, 1.5])
def test_of_what_was_too_large_nothing_is_guessed(amount):
    entry = entry_of({"amount": amount, "note": "x" * 40_000})

    assert arguments_kept(entry) is None
    assert are_digested(entry)


def test_a_text_that_is_too_large_beside_its_arguments_is_a_digest():
    entry = entry_of({"amount": 1.5, "note": "x" * (FACT_BYTES_MAX // 2)})

    assert entry[ARGUMENTS]["amount"] == "1.5"
    assert reads_as(entry[ARGUMENTS], {"amount": 1.5, "note": "x" * (FACT_BYTES_MAX // 2)})
    assert arguments_kept(entry) is None
    assert are_digested(entry)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {ARGUMENTS: "none"},
        {ARGUMENTS: {"digest": "sha256:0", "count": 2}},
        {ARGUMENTS: {"digest": f"sha256:{'0' * 64}", "count": "2"}},
        {ARGUMENTS: {"digest": f"sha256:{'0' * 64}", "count": 2}, EXACTLY: "{"},
        {ARGUMENTS: {"digest": f"sha256:{'0' * 64}", "count": 2}, EXACTLY: {}},
    ],
)
def test_what_only_resembles_a_digest_is_none(said):
    assert not are_digested(said)


@pytest.mark.parametrize("text", ["{", "[1]", '{"a":1,"a":2}', '{"a":NaN}'])
def test_a_text_that_somebody_else_has_written_is_no_arguments(text):
    assert arguments_kept({ARGUMENTS: {"a": 1}, EXACTLY: text}) is None
