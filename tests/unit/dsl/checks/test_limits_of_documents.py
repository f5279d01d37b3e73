"""A hostile document costs milliseconds and is told which limit it broke.

Where the C library is missing, a parser in Python takes its place, and far longer: it is held to a
tenth of the number of values here, and to all of it in ``make stress``.
"""

from __future__ import annotations

import time

import pytest
import yaml

from dsl import limits
from dsl.document import loader
from dsl.document.loader import load, load_data
from dsl.document.parse import parse
from dsl.errors import DslError

SECONDS_MAX = 5  # generous for a busy machine; what is measured is below one


@pytest.fixture(
    params=[
        (yaml.CSafeLoader, 1),
        (yaml.SafeLoader, 10),
        pytest.param((yaml.SafeLoader, 1), marks=pytest.mark.stress),
    ],
    ids=["c", "python", "python, the whole"],
)
def parser(request, monkeypatch):
    kind, share = request.param
    monkeypatch.setattr(loader, "_PARSER", kind)
    monkeypatch.setattr(limits, "DOCUMENT_NODES_MAX", limits.DOCUMENT_NODES_MAX // share)


def refusal(text) -> DslError:
    started = time.process_time()
    with pytest.raises(DslError) as refused:
        load(text, "file.yaml")
    assert time.process_time() - started < SECONDS_MAX
    assert len(str(refused.value)) < 100_000
    return refused.value


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 100_000, "DSL110"),
        ("[\n" * 100_000, "DSL110"),
        ("{a: " * 100_000, "DSL110"),
        ("- " * 100_000, "DSL110"),
        ("? " * 100_000, "DSL110"),
        ("{? " * 100_000, "DSL110"),
        ("- x\n" * 60_000, "DSL111"),
        ("[" + "[]," * 60_000 + "]", "DSL111"),
        ("x" * (2 << 20), "DSL109"),
        (b"x" * (2 << 20), "DSL109"),
        ("é" * (600 << 10), "DSL109"),
        ("".join(f"%TAG !{n}! b\n" for n in range(60_000)), "DSL114"),
        ("a: " + "1" * 1_000_000, "DSL112"),
    ],
    ids=lambda value: repr(value)[:16],
)
def test_a_hostile_document_is_refused_at_once(text, code):
    assert code in [problem.code for problem in refusal(text).problems]


def test_a_hundred_problems_are_told_and_that_there_are_more():
    text = "".join(f"k{n}: *a\n" for n in range(500))

    found = [problem.code for problem in refusal(text).problems]

    assert len(found) == limits.PROBLEMS_MAX + 1
    assert set(found) == {"DSL103", "DSL405"}


@pytest.mark.usefixtures("parser")
def test_the_limits_themselves_are_allowed():
    load(nested(limits.DOCUMENT_DEPTH_MAX), "file.yaml")
    load("- x\n" * (limits.DOCUMENT_NODES_MAX - 1), "file.yaml")
    load('"' + "x" * (limits.DOCUMENT_BYTES_MAX - 2) + '"', "file.yaml")
    load("9" * limits.INTEGER_DIGITS_MAX, "file.yaml")


@pytest.mark.usefixtures("parser")
def test_one_beyond_the_limits_is_refused():
    assert refusal(nested(limits.DOCUMENT_DEPTH_MAX + 1)).problems[0].code == "DSL110"
    assert refusal("- x\n" * limits.DOCUMENT_NODES_MAX).problems[0].code == "DSL111"
    assert refusal("x" * (limits.DOCUMENT_BYTES_MAX + 1)).problems[0].code == "DSL109"
    assert refusal("9" * (limits.INTEGER_DIGITS_MAX + 1)).problems[0].code == "DSL112"


def test_a_json_object_has_the_same_limits():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(DslError, match="DSL110"):
        load_data(deep, "input")
    with pytest.raises(DslError, match="DSL111"):
        load_data([0] * 60_000, "input")


def test_indentation_does_not_count_against_a_json_object():
    data = {"a": [0] * 45_000}  # pretty-printed five times as long

    assert load_data(data, "input").data == data


def test_a_document_full_of_mistakes_is_explained_in_bounds():
    stages = "".join(f"  - {{name: s{n}, type: agent, tmplate: x}}\n" for n in range(2_000))
    loaded = load(f"name: x\nversion: '1'\nstages:\n{stages}", "file.yaml")

    started = time.process_time()
    with pytest.raises(DslError) as refused:
        parse(loaded)

    assert time.process_time() - started < SECONDS_MAX
    assert len(refused.value.problems) == limits.PROBLEMS_MAX + 1
    assert {problem.code for problem in refused.value.problems} == {"DSL201", "DSL405"}


@pytest.mark.parametrize(
    "line",
    [
        *("? {}\n: x", "version: {}", "timeout: {}", "name: {}", "stages: {}", "stages: [{}]"),
        *("? {}\n: {{}}", "inputs: {{? {0} : {{}}}}", "stages: [{{type: {}}}]"),
        *("stages: [{{type: gate, config: {{on_timeout: {}}}}}]", "project: {}"),
    ],
)
def test_a_huge_value_does_not_make_a_huge_message(line):
    loaded = load(line.format("y" * 900_000), "file.yaml")

    started = time.process_time()
    with pytest.raises(DslError) as refused:
        parse(loaded)

    assert time.process_time() - started < SECONDS_MAX
    assert len(str(refused.value)) < 5_000


@pytest.mark.parametrize("text", ["? {0}\n: 1\n? {0}\n: 2\n", "a: *{0}", "a: &{0} 1", "a: !{0} 1"])
def test_a_huge_name_does_not_make_a_huge_message_either(text):
    assert len(str(refusal(text.format("y" * 400_000)))) < 5_000
