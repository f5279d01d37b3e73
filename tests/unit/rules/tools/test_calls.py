"""Calls that some reader would take for other calls, and what approvals of calls are bound to."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import TOOL_ARGUMENTS_BYTES_MAX, TOOL_ARGUMENTS_DEPTH_MAX, TOOL_PURPOSE_LENGTH_MAX
from dsl.rules.tools.calls import (
    CallRefusedError,
    Occurrence,
    ToolCall,
    arguments_in,
    call_of,
    text_of,
)

PLAN = "sha256:" + "0" * 64
KEYS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"in": value}
    return value


def occurrence(**other: Any) -> Occurrence:
    where = {"plan": PLAN, "run": "r", "run_id": "1", "stage": "pay", "ordinal": 1, **other}
    call = where.pop("call", None) or call_of("pay", "refund", {"amount": 82})
    return Occurrence(call=call, **where)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"amount": 1, "amount": 9000}', 'the key "amount" is there twice'),
        ('{"amount": 1e400}', "beyond 1.7e308"),
        ('{"amount": NaN}', "NaN is no number"),
        ('{"amount": 9007199254740993}', "beyond 2**53 - 1"),
        ('{"memo": "\\ud800"}', "half of a surrogate pair"),
        ('{"memo": "' + "x" * (5 << 20) + '"}', f"{TOOL_ARGUMENTS_BYTES_MAX} is the limit"),
        ('{"a":' * 100 + "1" + "}" * 100, f"{TOOL_ARGUMENTS_DEPTH_MAX} is the limit"),
        ("[1]", "one object"),
        ("refund 5", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_a_text_that_readers_read_differently_is_refused_in_a_sentence(text, why):
    with pytest.raises(CallRefusedError) as refused:
        arguments_in(text)

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"__proto__": {"admin": True}}, "__proto__"),
        ({"deep": [{"__proto__": 1}]}, "__proto__"),
        ({"amount": 1, "Amount": 9000}, "'amount' and 'Amount' of one object are one key"),
        ({"amount": 1, "\uff41mount": 9000}, "are one key"),
        ({"in": {"straße": 1, "STRASSE": 2}}, "are one key"),
        ({"n": math.nan}, "no canonical form"),
        ({"n": 2**60}, "no canonical form"),
        ({"n": object()}, "no canonical form"),
        ({"memo": "\ud800"}, "surrogate"),
        ({"\U0001f4b8": 1}, "no canonical form"),
        ({"memo": "x" * TOOL_ARGUMENTS_BYTES_MAX}, "is the limit"),
        (nested(TOOL_ARGUMENTS_DEPTH_MAX + 1), f"more than {TOOL_ARGUMENTS_DEPTH_MAX} deep"),
        ([1], "one object"),
        (None, "one object"),
    ],
)
def test_arguments_that_cannot_be_held_to_are_refused_in_a_sentence(arguments, why):
    with pytest.raises(CallRefusedError) as refused:
        call_of("pay", "refund", arguments)

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("server", "tool", "why"),
    [
        ("pay", "r\u0435fund", "tool holds U+0435 (CYRILLIC SMALL LETTER IE)"),
        ("p\u0430y", "refund", "server holds U+0430 (CYRILLIC SMALL LETTER A)"),
        ("pay", "refund\u200b", "U+200B (ZERO WIDTH SPACE)"),
        ("pay", "refund\n", "another form"),
        ("pay", "", "another form"),
        ("pay", "x" * 129, "128 at most"),
        ("Pay", "refund", "lower-case"),
        ("pay/refund", "x", "another form"),
    ],
)
def test_a_name_that_looks_like_another_is_refused_by_its_letter(server, tool, why):
    with pytest.raises(CallRefusedError) as refused:
        call_of(server, tool, {})

    assert why in str(refused.value)


def test_what_is_large_and_deep_but_within_the_limits_is_a_call():
    most = TOOL_ARGUMENTS_BYTES_MAX - len('{"memo":""}')

    assert call_of("pay", "refund", {"memo": "x" * most}).name == "pay/refund"
    assert call_of("pay", "refund", nested(TOOL_ARGUMENTS_DEPTH_MAX)).arguments
    assert call_of("pay", "refund", {"a": 1, "b": {"A": 2}}).arguments["b"] == {"A": 2}


def test_what_the_agent_wants_it_for_is_one_line_of_bounded_length():
    call = call_of("pay", "refund", {}, "because\n\n\x1b[31m" + "x" * 5_000)

    assert "\n" not in call.purpose
    assert len(call.purpose) == TOOL_PURPOSE_LENGTH_MAX


def test_an_approval_of_82_is_none_of_820():
    other = call_of("pay", "refund", {"amount": 820})

    assert occurrence().digest() != occurrence(call=other).digest()


def test_an_approval_is_of_one_occurrence_at_one_place():
    digests = {
        occurrence().digest(),
        occurrence(ordinal=2).digest(),
        occurrence(stage="other").digest(),
        occurrence(run="r2").digest(),
        occurrence(run_id="2").digest(),
        occurrence(plan="sha256:" + "1" * 64).digest(),
        occurrence(call=call_of("pay", "refund2", {"amount": 82})).digest(),
        occurrence(call=call_of("pay2", "refund", {"amount": 82})).digest(),
    }

    assert len(digests) == 8


def test_the_purpose_is_no_part_of_what_a_call_is():
    said = call_of("pay", "refund", {"amount": 82}, "the customer is right")

    assert said.digest() == call_of("pay", "refund", {"amount": 82}).digest()


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_sent_is_what_was_decided_on(arguments: dict[str, Any]):
    try:
        call = call_of("pay", "refund", arguments)
    except CallRefusedError:
        return
    sent = text_of(call.arguments)
    again = call_of("pay", "refund", arguments_in(sent))

    assert text_of(again.arguments) == sent
    assert again.digest() == call.digest()
    assert json.loads(sent) == call.arguments
    assert ToolCall.model_validate_json(call.model_dump_json()).digest() == call.digest()
