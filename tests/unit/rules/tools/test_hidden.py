"""Fields of an answer that its operator leaves out are in nothing that is kept."""

from __future__ import annotations

import json

import pytest

from dsl.rules.tools.hidden import HIDDEN, without_fields

ANSWER = {"id": 1, "card": "4111", "people": [{"card": "4222", "name": "ann"}, {"name": "bob"}]}


@pytest.mark.parametrize(
    ("fields", "gone", "left"),
    [
        (["card"], "4111", "4222"),
        (["people.card"], "4222", "4111"),
        (["people"], "ann", "4111"),
        (["card", "people.card"], "4111", "ann"),
    ],
)
def test_a_field_is_left_out_and_nothing_else(fields, gone, left):
    told = without_fields(json.dumps(ANSWER), fields)

    assert gone not in told
    assert left in told
    assert json.loads(told)["id"] == 1


def test_a_list_is_gone_through_at_the_top_too():
    assert json.loads(without_fields('[[{"card": 1}], {"card": {"a": 2}}]', ["card"])) == [
        [{"card": HIDDEN}],
        {"card": HIDDEN},
    ]


@pytest.mark.parametrize(
    "text", ["the card is 4111", '"4111"', '{"card": 4111, "card": 1}', "", '{"a": 1e999}']
)
def test_where_nobody_can_tell_where_they_are_all_is_left_out(text):
    assert without_fields(text, ["card"]) == HIDDEN


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"customer": "ann, 4111"}, {"customer": HIDDEN}),
        ({"customer": 4111}, {"customer": HIDDEN}),
        (
            {"customer": ["4111", {"card": 4111, "n": 1}]},
            {"customer": [HIDDEN, {"card": HIDDEN, "n": 1}]},
        ),
        ({"customer": None, "n": 1}, {"customer": None, "n": 1}),
        ({"Customer": {"CARD": 4111}}, {"Customer": {"CARD": HIDDEN}}),
        ([4111, {"customer": {}}], [HIDDEN, {"customer": {}}]),
    ],
    ids=["text", "number", "in-a-list", "nothing", "another-case", "at-the-top"],
)
def test_what_may_hold_a_field_in_another_shape_is_left_out_whole(answer, left):
    assert json.loads(without_fields(json.dumps(answer), ["customer.card"])) == left


@pytest.mark.parametrize("dot", ["\u2024", "\u2026", "\uff0e"])
def test_what_only_looks_like_a_dot_is_in_a_key(dot: str):
    field = f"card{dot}number"
    answer = {"of": {field: 4111}, "card": {"number": 1}}

    assert "4111" not in without_fields(json.dumps(answer), [f"of.{field}"])
    assert json.loads(without_fields(json.dumps(answer), [f"of.{field}"]))["card"] == {"number": 1}


@pytest.mark.parametrize("path", ["nothing", "people.nothing", "nothing.card"])
def test_a_field_that_is_not_there_changes_nothing(path):
    assert json.loads(without_fields(json.dumps(ANSWER), [path])) == ANSWER


def test_without_fields_an_answer_is_as_it_was():
    assert without_fields("not {json", []) == "not {json"
