"""JSON from outside: every reader reads the same, or it is refused in one sentence."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import JSON_DEPTH_MAX
from dsl.values.canonical import INTEGER_MAX
from dsl.values.strict_json import JsonError, depth_of, read

MEBIBYTE = 1 << 20
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
# Pieces of JSON, put together at random: mostly no JSON, often nearly.
pieces = st.lists(
    st.sampled_from(
        [
            *'{}[],:"\\1- \n\0\ufeffé',
            '"a"',
            '"a":1',
            '\\"',
            "\\u",
            "d800",
            "\\ud800",
            "e9",
            "NaN",
            "tru",
        ]
    ),
    max_size=30,
).map("".join)


def nested(levels: int, inner: str = "") -> str:
    return "[" * levels + inner + "]" * levels


def why(data: bytes | str, **limits: int) -> str:
    with pytest.raises(JsonError) as refused:
        read(data, **{"bytes_max": MEBIBYTE, **limits})
    return str(refused.value)


@given(values, st.booleans())
def test_what_any_encoder_writes_is_read(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert read(text, bytes_max=MEBIBYTE) == read(text.encode(), bytes_max=MEBIBYTE) == value


@given(pieces | st.text(max_size=50) | st.binary(max_size=50))
def test_whatever_comes_is_read_as_json_does_or_refused_in_one_line(data):
    try:
        value = read(data, bytes_max=MEBIBYTE, depth_max=4)
    except JsonError as error:
        said = str(error)
    else:
        said = ""
        assert value == json.loads(data)
        assert depth_of(data if isinstance(data, bytes) else data.encode()) <= 4
    assert "\n" not in said


@given(values, st.integers(1, 8))
def test_the_depth_is_that_of_the_value(value, levels):
    def depth(value: object) -> int:
        if not isinstance(value, dict | list):
            return 0
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0)

    for _ in range(levels):
        value = [value, "][}{", '"[']

    assert depth_of(json.dumps(value).encode()) == depth(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"status": "failed", "status": "ok"}', 'the key "status" is there twice'),
        ('{"a": {"\\u0062": 1, "b": 1}}', 'the key "b" is there twice'),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ("[-Infinity]", "-Infinity is no number of JSON"),
        ("[1e400]", "a number is beyond 1.7e308"),
        (f"[{INTEGER_MAX + 1}]", "an integer is beyond 2**53 - 1"),
        (f"[{-INTEGER_MAX - 1}]", "an integer is beyond 2**53 - 1"),
        ("1" * 10_000, "an integer is beyond 2**53 - 1"),
        ('"\\ud800"', "half of a surrogate pair"),
        ('{"\\udc00": 1}', "half of a surrogate pair"),
        ('"\ud800"', "half of a surrogate pair"),
        ("", "it is not JSON: expecting value at line 1 column 1"),
        ("{'a': 1}", "it is not JSON: "),
        ("{} {}", "it is not JSON: extra data at line 1 column 4"),
        ('"\n"', "it is not JSON: invalid control character at line 1 column 2"),
        ("\ufeff{}", "it begins with a byte order mark"),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark"),
        ("{}".encode("utf-16"), "it is UTF-16, write it in UTF-8"),
        ("{}".encode("utf-16-le"), "it is UTF-16, write it in UTF-8"),
        ("{}".encode("utf-16-be"), "it is UTF-16, write it in UTF-8"),
        ("{}".encode("utf-32"), "it is UTF-32, write it in UTF-8"),
        ("{}".encode("utf-32-be"), "it is UTF-32, write it in UTF-8"),
        (b'"\xff"', "it is not UTF-8: byte 0xff at position 1"),
    ],
)
def test_what_readers_read_differently_is_refused(text, said):
    assert said in why(text)


def test_integers_of_i_json_and_pairs_of_surrogates_are_read():
    text = f'[{INTEGER_MAX}, {-INTEGER_MAX}, "\\ud83d\\ude00"]'

    assert read(text, bytes_max=100) == [INTEGER_MAX, -INTEGER_MAX, "\U0001f600"]


def test_the_size_counts_in_bytes():
    assert read('"é"', bytes_max=4) == "é"
    assert why('"é"', bytes_max=3) == "it has 4 bytes, and 3 is the limit"


def test_the_depth_is_bounded_and_brackets_in_strings_have_none():
    assert read(nested(JSON_DEPTH_MAX), bytes_max=MEBIBYTE)
    assert why(nested(JSON_DEPTH_MAX + 1)) == "it is nested 65 levels deep, and 64 is the limit"
    assert read(json.dumps("[" * 1_000 + '\\"'), bytes_max=MEBIBYTE)


@pytest.mark.parametrize(
    "text",
    [
        nested(MEBIBYTE // 2),
        "[" * MEBIBYTE,
        '{"a":' * (MEBIBYTE // 5),
        "[" + "[],{}," * (MEBIBYTE // 7) + "0]",
        '"' + '\\"' * (MEBIBYTE // 2 - 1),
        '"' * MEBIBYTE,
        "[" + '"a",' * (MEBIBYTE // 5) + "0]",
        "[" + "1," * (MEBIBYTE // 3) + "0]",
        "9" * MEBIBYTE,
        "1." + "9" * (MEBIBYTE - 2),
    ],
    ids=lambda text: text[:6],
)
def test_a_hostile_mebibyte_is_answered_at_once(text):
    began = time.process_time()
    with contextlib.suppress(JsonError):
        read(text, bytes_max=MEBIBYTE)

    assert time.process_time() - began < 1.0
