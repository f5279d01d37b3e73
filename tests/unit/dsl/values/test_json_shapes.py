"""Shapes of canonical JSON: a pattern takes nothing that the check would not have taken."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import LEDGER_PAYLOAD_BYTES_MAX
from dsl.values import json_shapes
from dsl.values.canonical import canonical
from dsl.values.json_shapes import SHAPES_MAX, SHAPES_OF_A_KIND_MAX, JsonShapes
from integrations.ledger.entries import is_canonical
from tests.unit.dsl.values.test_canonical import keys, texts

RICH = {
    "outputs": [{"digest": "sha256:ab", "size": 10}, {"digest": "", "size": 0}],
    "a b": {"": [True, None, []], "n": -7, 'quote"d': {}},
    "mixed": [1, "x"],
}
CHECKS = 2
EDITS = '"\\{}[],:-+.e01x \n\x00\x7f\u00e9tn'
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(autouse=True, scope="module")
def learns_soon():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_shapes, "CHECKS_BEFORE_A_SHAPE", CHECKS)
        yield


@pytest.fixture
def checked():
    return []


@pytest.fixture
def shapes(checked):
    def check(text: str) -> bool:
        checked.append(text)
        return is_canonical(text)

    return JsonShapes(check, 3_000)


def learn(shapes, text, kind="run.started"):
    for _ in range(CHECKS):
        assert shapes.accept(kind, text)


def test_a_shape_seen_often_is_told_without_a_check(shapes, checked):
    learn(shapes, canonical(RICH))
    checked.clear()

    other = canonical({**RICH, "outputs": [{"digest": f"{n}", "size": n} for n in range(9)]})
    assert shapes.accept("run.started", other)
    assert checked == []
    assert shapes.accept("run.ended", other)  # of another kind nothing is known
    assert checked == [other]


def test_no_text_one_edit_away_is_taken_unless_the_check_takes_it(shapes):
    text = canonical(RICH)
    learn(shapes, text)

    for at in range(len(text) + 1):
        for edit in ("", *EDITS):
            for edited in (text[:at] + edit + text[at:], text[:at] + edit + text[at + 1 :]):
                assert shapes.accept("run.started", edited) == is_canonical(edited), edited


@given(st.dictionaries(keys, values, max_size=4), st.data())
def test_what_a_pattern_takes_is_what_the_check_takes(value, data):
    text = canonical(value)
    shapes = JsonShapes(is_canonical, LEDGER_PAYLOAD_BYTES_MAX)
    learn(shapes, text)

    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 3))
    edited = text[:at] + data.draw(st.text(EDITS, max_size=3)) + text[at + length :]
    assert shapes.accept("run.started", edited) == is_canonical(edited)


@pytest.mark.parametrize("text", ['{"a\\u007f":1}', '{"b":1,"a":1}', '{"a":1.5}', "[1]", "{"])
def test_what_the_check_refuses_is_refused_and_never_learned(shapes, text):
    for _ in range(CHECKS + 1):
        assert not shapes.accept("run.started", text)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('{"a\x7f":1}', '{"a\\u007f":1}'),
        ('{"a\\u0001":1}', '{"a\x01":1}'),
        ('{"é":1}', '{"\\u00e9":1}'),
        ('{"n":9007199254740991}', '{"n":9007199254740992}'),
    ],
    ids=["del", "control", "letter", "large"],
)
def test_what_could_be_spelled_otherwise_stays_with_the_check(shapes, text, other):
    learn(shapes, text)

    assert shapes.accept("run.started", text)
    assert not shapes.accept("run.started", other)


def test_a_text_of_a_known_shape_may_be_too_long(shapes):
    learn(shapes, '{"a":"x"}')

    assert shapes.accept("run.started", '{"a":"' + "x" * 2_900 + '"}')
    assert not shapes.accept("run.started", '{"a":"' + "x" * 3_000 + '"}')


def test_shapes_are_bounded(shapes, monkeypatch):
    made: list[str] = []
    monkeypatch.setattr(re, "compile", lambda text: _Nothing(made, text))
    for kind in range(SHAPES_MAX // SHAPES_OF_A_KIND_MAX + 5):
        for number in range(SHAPES_OF_A_KIND_MAX + 5):
            learn(shapes, canonical({f"k{number}": 1}), f"kind-{kind}")
    for kind in range(SHAPES_MAX):
        learn(shapes, '{"a":1}', f"late-{kind}")

    assert len(made) == SHAPES_MAX
    assert max(len(text.split("|{")) for text in made) <= SHAPES_OF_A_KIND_MAX


class _Nothing:
    """A pattern that takes nothing, so that every text is checked and learned from."""

    def __init__(self, made: list[str], text: str) -> None:
        made.append(text)

    def fullmatch(self, _: str) -> None:
        return None
