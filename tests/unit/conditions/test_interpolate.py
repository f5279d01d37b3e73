"""``${{ }}`` in the inputs of agents."""

from __future__ import annotations

import pytest

from dsl.conditions.errors import BudgetError, CompileError, EvaluationError
from dsl.conditions.interpolate import compile_template, expressions_in, resolve
from dsl.conditions.types import STAGE, STRING, Map, input_type
from dsl.limits import DOCUMENT_DEPTH_MAX

ENV = {
    "inputs": {"env": "prod", "n": 3, "ratio": 0.5, "dry": False, "tags": ["a", "b"], "no": None},
    "stages": {"lint": {"output": {"score": 7}}},
}
SCHEMA = Map(
    {"inputs": Map({"env": STRING, "n": input_type("integer")}), "stages": Map({"lint": STAGE})}
)

RESOLVED = [
    ("plain", "plain"),
    (7, 7),
    (None, None),
    ("${{ inputs.n }}", 3),
    ("${{inputs.dry}}", False),
    ("${{ inputs.no }}", None),
    ("${{ inputs.tags }}", ["a", "b"]),
    ("${{ stages.lint.output }}", {"score": 7}),
    ("${{\n  inputs.n +\n  1\n}}", 4),
    (" ${{ inputs.n }}", " 3"),
    ("${{ inputs.n }}\n", "3\n"),
    ("${{ inputs.n }}${{ inputs.n }}", "33"),
    (
        "v${{ inputs.n }}-${{ inputs.env }}-${{ inputs.dry }}-${{ inputs.ratio }}",
        "v3-prod-false-0.5",
    ),
    # what closes an expression is the }} behind it, not one inside a string or a map
    ('${{ "}}" }}', "}}"),
    ('${{ {"a": {"b": inputs.n}} }}', {"a": {"b": 3}}),
    ('${{ {"a":{"b":1}}}}', {"a": {"b": 1}}),
    ('x${{ "a" + "}}" }}}}', "xa}}}}"),
    # a literal opening, and things that only look like one
    ('${{ "${{" }} x', "${{ x"),
    ("$${{ inputs.n }}", "$3"),
    ("${ inputs.n } $inputs }} {{ inputs }}", "${ inputs.n } $inputs }} {{ inputs }}"),
    # anywhere in lists and maps, and the shape stays
    (
        {"a": ["${{ inputs.n }}", {"b": "x${{ inputs.env }}"}], "c": 1},
        {"a": [3, {"b": "xprod"}], "c": 1},
    ),
    (("${{ inputs.n }}",), [3]),
]


@pytest.mark.parametrize(("template", "value"), RESOLVED)
def test_a_template_resolves_to_this(template, value):
    found = resolve(template, ENV)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["${{", "a ${{ inputs.n", "${{ inputs.n }", '${{ "}}', "${{ {'a': 1 }}"]
)
def test_an_opening_without_its_end_is_refused(text):
    with pytest.raises(CompileError):
        compile_template(text)


def test_an_error_is_shown_within_the_whole_string():
    with pytest.raises(CompileError) as raised:
        compile_template("deploy ${{ inputs.env and 1 }} now")

    assert str(raised.value).splitlines()[1:3] == [
        "  deploy ${{ inputs.env and 1 }} now",
        "                        ^^^",
    ]


def test_what_is_never_closed_is_shown_at_its_opening():
    with pytest.raises(CompileError) as raised:
        compile_template("a ${{ inputs.n")

    error = raised.value
    assert error.source[error.start : error.end] == "${{"
    assert error.hint == "add '}}'"


@pytest.mark.parametrize("text", ["x ${{ inputs.tags }}", "x ${{ stages }}", "x ${{ inputs.no }}"])
def test_what_has_no_text_does_not_stand_in_a_text(text):
    with pytest.raises(EvaluationError, match="cannot stand inside a text"):
        resolve(text, ENV)


def test_what_has_no_text_is_found_before_anything_runs():
    [(_, alone)] = expressions_in("${{ inputs }}")
    [(_, within)] = expressions_in("x ${{ inputs }}")
    [(_, unknown)] = expressions_in("x ${{ stages.lint.output }}")

    alone.check(SCHEMA)
    unknown.check(SCHEMA)
    with pytest.raises(CompileError, match="a map cannot stand inside a text"):
        within.check(SCHEMA)


def test_a_key_is_never_an_expression():
    with pytest.raises(CompileError, match="a key cannot hold an expression"):
        compile_template({"ok": [{"x${{ inputs.n }}": 1}]})


def test_expressions_are_found_with_the_paths_of_their_strings():
    template = {"a": ["x", "${{ inputs.n }} ${{ inputs.env }}"], "b": {"c": "${{ inputs.n }}"}}

    found = expressions_in(template)

    assert [path for path, _ in found] == [("a", 1), ("a", 1), ("b", "c")]
    assert [[r.names for r in e.references] for _, e in found] == [
        [("inputs", "n")],
        [("inputs", "env")],
        [("inputs", "n")],
    ]
    assert [e.within_text for _, e in found] == [True, True, False]


def test_a_template_may_be_resolved_again_and_keeps_nothing():
    template = compile_template(["${{ n }}", "x${{ n }}"])

    assert template.resolve({"n": 1}) == [1, "x1"]
    assert template.resolve({"n": 2}) == [2, "x2"]


def test_all_expressions_of_a_template_share_one_budget():
    costly = "${{ items.all(x, x >= 0) }}"
    env = {"items": list(range(1_000))}

    assert resolve([costly], env) == [True]
    with pytest.raises(BudgetError):
        resolve([costly] * 10, env)


def test_a_template_cannot_multiply_what_it_is_given():
    env = {"text": "x" * 60_000}

    assert len(resolve("${{ text }}", env)) == 60_000
    with pytest.raises(EvaluationError, match="too large"):
        resolve(["${{ text }}", "and ${{ text }}"], env)


def test_a_template_that_is_too_deep_is_refused():
    deep: object = "${{ 1 }}"
    for _ in range(DOCUMENT_DEPTH_MAX + 1):
        deep = [deep]

    with pytest.raises(CompileError, match=f"nested more than {DOCUMENT_DEPTH_MAX} deep"):
        compile_template(deep)


@pytest.mark.parametrize("text", ["${{ 1.0 / 0.0 }}", "x${{ 0.0 / 0.0 }}"])
def test_what_json_cannot_say_does_not_leave(text):
    with pytest.raises(EvaluationError, match="not a finite number"):
        resolve(text, ENV)
