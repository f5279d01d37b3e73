"""The loader: plain data with places, and the refusal of all that two readers would disagree on.

Everything runs on both of PyYAML's parsers: the C one, and the one that is there without it.
"""

from __future__ import annotations

import json

import pytest
import yaml

from dsl.document import loader
from dsl.document.loader import load, load_data
from dsl.errors import DslError, Position


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], autouse=True, ids=["c", "python"])
def parser(request, monkeypatch):
    monkeypatch.setattr(loader, "_PARSER", request.param)


def refusal(text) -> DslError:
    with pytest.raises(DslError) as refused:
        load(text, "file.yaml")
    return refused.value


def codes(text) -> list[str]:
    return [problem.code for problem in refusal(text).problems]


# --- what is read


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("True", True),
        ("FALSE", False),
        ("~", None),
        ("Null", None),
        ("", None),
        ("0xfF", 255),
        ("+12", 12),
        ("-0", 0),
        ("1.0e+3", 1000.0),
        (".5", 0.5),
        ("-1.", -1.0),
        ("99999999999999999999", 99999999999999999999),
        ("1.2.3", "1.2.3"),
        ("٣", "٣"),
    ],
)
def test_a_plain_word_means_what_yaml_1_2_core_says(word, value):
    loaded = load(f"key: {word}\n", "file.yaml").data["key"]

    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize("text", ['"12"', "'12'", "|-\n  12", ">-\n  12"])
def test_quoted_and_block_scalars_are_text(text):
    assert load(f"key: {text}\n", "file.yaml").data == {"key": "12"}


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "~"])
def test_an_empty_document_is_none(text):
    loaded = load(text, "file.yaml")

    assert loaded.data is None
    assert loaded.marks.value(()).line >= 1


def test_a_byte_order_mark_is_no_part_of_the_document():
    assert load(b"\xef\xbb\xbfa: 1", "file.yaml").data == {"a": 1}
    assert load("\ufeffa: 1", "file.yaml").data == {"a": 1}


def test_windows_line_ends_do_not_shift_positions():
    assert load("a: 1\r\nb: 2\r\n", "file.yaml").marks.key(("b",)) == Position(2, 1)


def test_json_with_tabs_and_escapes_is_read_as_json():
    text = (
        '{\n\t"a":\t"\\/ \\ud83d\\ude00 \\\\ud83d\\\\ude00 \\u00e9",\n\t"b":[1,\t2.5e1,null,true]}'
    )

    assert load(text, "file.json").data == json.loads(text)


def test_text_about_an_escape_in_yaml_stays_as_it_is():
    text = "a: '\\ud83d\\ude00'\n"

    assert load(text, "file.yaml").data == {"a": "\\ud83d\\ude00"}


def test_a_quoted_merge_sign_is_an_ordinary_key():
    assert load('"<<": 1', "file.yaml").data == {"<<": 1}


# --- where it is


def test_every_key_and_value_has_its_place():
    marks = load("a:\n  - b: x\n    c: 2\n  - [y]\n", "file.yaml").marks

    assert marks.key(("a",)) == Position(1, 1)
    assert marks.value(("a",)) == Position(2, 3)
    assert marks.value(("a", 0, "c")) == Position(3, 8)
    assert marks.key(("a", 0, "c")) == Position(3, 5)
    assert marks.value(("a", 1, 0)) == Position(4, 6)


def test_what_is_not_there_is_placed_at_its_nearest_ancestor():
    marks = load("a:\n  b: 1\n", "file.yaml").marks

    assert marks.value(("a", "b", "c", 3)) == Position(2, 6)
    assert marks.key(("a", "x")) == Position(2, 3)
    assert marks.value(("x", "y")) == Position(1, 1)


def test_the_key_of_a_list_item_is_the_item():
    assert load("a: [1, 2]", "file.yaml").marks.key(("a", 1)) == Position(1, 8)


# --- what is refused


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: b: c", "DSL101", 1, 5),
        ("a:\n\t- b", "DSL101", 2, 1),
        ("a: @x", "DSL101", 1, 4),
        ("- a\nb: 1", "DSL101", 2, 1),
        ("a: 1\nb: 2\na: 3\n", "DSL102", 3, 1),
        ('{"a": 1, "\\u0061": 2}', "DSL102", 1, 10),
        ("a: *b", "DSL103", 1, 4),
        ("a: &b 1", "DSL104", 1, 4),
        ("a: !!str 1", "DSL105", 1, 4),
        ("a: ! 1", "DSL105", 1, 4),
        ("a: !!python/object/apply:os.system [id]", "DSL105", 1, 4),
        ("a: 1\n---\nb: 2\n", "DSL106", 2, 1),
        ("a: 1\n...\n---\n", "DSL106", 3, 1),
        ("<<: {a: 1}", "DSL107", 1, 1),
        ("1: a", "DSL108", 1, 1),
        ("true: a", "DSL108", 1, 1),
        ("? [a]\n: b", "DSL108", 1, 3),
        ("? {a: 1}\n: b", "DSL108", 1, 3),
        ("a: 123456789012345678901", "DSL112", 1, 4),
        ("a: " + "9" * 5_000, "DSL112", 1, 4),
        ("a: -.inf", "DSL112", 1, 4),
        ("a: .NaN", "DSL112", 1, 4),
        ("a: 1e999", "DSL112", 1, 4),
        ("a: 1\nb: x\0", "DSL113", 2, 5),
        ("a: \x1b[31m", "DSL113", 1, 4),
        ('a: "b\u2028c"', "DSL113", 1, 6),
        ("a: \x85", "DSL113", 1, 4),
        ('a: "\\0"', "DSL113", 1, 4),
        ("a: \ud800", "DSL113", 1, 4),
        (b"a: 1\r\nbc: \xff", "DSL113", 2, 5),
        (b"\xef\xbb\xbfa: \xff", "DSL113", 1, 4),
        (b"a\x00:\x00", "DSL113", 1, 2),
        ("%YAML 1.1\n---\na: yes", "DSL114", 1, 1),
        ("a: 1\n...\n%TAG ! x\n", "DSL114", 3, 1),
    ],
)
def test_what_readers_would_disagree_on_is_refused_at_its_place(text, code, line, column):
    problem = refusal(text).problems[0]

    assert (problem.code, problem.at) == (code, Position(line, column))


@pytest.mark.parametrize("text", ["a: [1, 2", "a: {b: 1", 'a: "x', "a: 'x"])
def test_what_is_never_closed_is_shown_where_it_opens(text):
    problem = refusal(text + "\n\n").problems[0]

    assert (problem.code, problem.at) == ("DSL101", Position(1, 4))
    assert problem.hint


def test_half_a_character_is_refused_in_every_spelling():
    assert codes('a: "\\ud800"')[0] in ("DSL101", "DSL113")


def test_all_mistakes_are_told_at_once():
    text = """\
a: 1
a: 2
? [x]
: y
1: z
<<: {}
b: &x 1
c: *x
d: !t 3
e: .inf
*x : 1
f: {a: 1, a: 2}
"""

    assert codes(text) == [
        *("DSL102", "DSL108", "DSL108", "DSL107", "DSL104"),
        *("DSL103", "DSL105", "DSL112", "DSL103", "DSL102"),
    ]


def test_a_syntax_error_does_not_hide_what_came_before():
    assert codes("a: 1\na: 2\nb: [\n") == ["DSL102", "DSL101"]


def test_a_message_shows_the_line_and_the_way_out():
    assert str(refusal("name: x\nname: y\n")) == (
        "file.yaml:2:1: duplicate key 'name', first at line 1 [DSL102]\n"
        "    name: y\n"
        "    ^\n"
        "    hint: remove one of the two"
    )


def test_a_refused_character_reaches_no_terminal():
    assert "\x1b" not in str(refusal("a: \x1b[31m"))


# --- documents that came as JSON objects


def test_positions_of_a_json_object_point_into_its_pretty_form():
    loaded = load_data({"name": "x", "stages": [{"type": "agent"}]}, "input")

    assert loaded.text.splitlines()[4] == '      "type": "agent"'
    assert loaded.marks.key(("stages", 0, "type")) == Position(5, 7)


def test_a_json_object_keeps_every_character():
    data = {"a": "\u2028 \x85 \ufeff \uffff \x7f \x1b 😀 é \t\n"}

    assert load_data(data, "input").data == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"a": float("nan")}, "DSL115"),
        ({"a": float("inf")}, "DSL115"),
        ({"a": object()}, "DSL115"),
        ({"a": 10**20}, "DSL112"),
        ({"a": 10**5_000}, "DSL115"),
        ({"a": "\ud800"}, "DSL113"),
        ({"a": "\0"}, "DSL113"),
        ({"a": "x" * (1 << 20)}, "DSL109"),
    ],
)
def test_a_json_object_is_refused_for_what_a_document_is_refused_for(data, code):
    with pytest.raises(DslError) as refused:
        load_data(data, "input")

    assert [problem.code for problem in refused.value.problems] == [code]
    str(refused.value).encode()
