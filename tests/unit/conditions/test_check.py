"""What is refused before anything runs: unknown names and types that clash."""

from __future__ import annotations

import pytest

from dsl.conditions.errors import CompileError
from dsl.conditions.parser import parse
from dsl.conditions.types import (
    ANY,
    BOOL,
    INT,
    NUMBER,
    STAGE,
    STRING,
    ListOf,
    Map,
    MapOf,
    Scalar,
    Type,
    input_type,
)

INPUTS = Map(
    {
        "env": input_type("string", ("staging", "production")),
        "name": input_type("string"),
        "count": input_type("integer"),
        "level": input_type("integer", (1, 2, 3)),
        "ratio": input_type("number"),
        "dry": input_type("boolean"),
        "labels": MapOf(STRING),
        "hosts": ListOf(STRING),
    },
    what="input",
)
STAGES = Map(
    {"plan": STAGE, "plan-b": STAGE, "my-stage": STAGE, "checks": STAGE, "checks/lint": STAGE},
    what="stage",
)
SCHEMA = Map({"inputs": INPUTS, "stages": STAGES})

TYPED = [
    ('inputs.env == "production"', BOOL),
    ('"staging" != inputs.env', BOOL),
    ('inputs.env in ["staging", "production"]', BOOL),
    ("inputs.level == 3", BOOL),
    ("inputs.level == 3.0", BOOL),
    ("inputs.count == 1.5 || inputs.ratio == 1", BOOL),
    ("inputs.name == null", BOOL),
    ("inputs.count + 1", INT),
    ("inputs.ratio * 2", NUMBER),
    ("inputs.ratio * 2.0 > double(inputs.count)", BOOL),
    ('inputs.name + "!"', STRING),
    ('stages.plan.status == "completed"', BOOL),
    ('stages["my-stage"].type == "agent"', BOOL),
    ('stages["checks/lint"].status', STAGE.fields["status"]),
    ("stages.plan.output.anything[0].at.all", ANY),
    ("stages.plan.output.score > 3 && stages.plan.output.ok", BOOL),
    ("stages.plan.output + 1", ANY),
    ("stages.plan.output[inputs.name]", ANY),
    ("has(stages.plan.output.score)", BOOL),
    ("has(inputs.labels.team)", BOOL),
    ("inputs.labels[inputs.name]", STRING),
    ("inputs.labels.team", STRING),
    ("inputs.hosts[0]", STRING),
    ("inputs.hosts.map(h, size(h))", ListOf(INT)),
    ('inputs.hosts.filter(h, h.startsWith("a"))', ListOf(STRING)),
    ("inputs.labels.all(key, key != 'a')", BOOL),
    ('stages.exists(name, name == "plan")', BOOL),
    ('"team" in inputs.labels && "a" in inputs.hosts', BOOL),
    ('inputs.dry ? "a" : "b"', STRING),
    ("inputs.dry ? 1 : 2.0", NUMBER),
    ("inputs.dry ? 1 : 'a'", ANY),
    ("[1, 2] + [3]", ListOf(INT)),
    ("[1, 2.0]", ListOf(NUMBER)),
    ("{'a': 1}", MapOf(INT)),
    ("[]", ListOf(ANY)),
    ("inputs.count - 1", INT),
    ("inputs.count-inputs.level", INT),
    ("-inputs.ratio", NUMBER),
    ("[1].map(inputs, inputs + 1)", ListOf(INT)),
]

REFUSED = [
    # names
    ("input.env", "input", "unknown name 'input'", "did you mean 'inputs'?"),
    ("inputs.enw", "enw", "unknown input 'enw'", "did you mean 'env'?"),
    ("has(inputs.enw)", "enw", "unknown input 'enw'", "did you mean 'env'?"),
    ("stages.plann.status", "plann", "unknown stage 'plann'", "did you mean 'plan'?"),
    ('stages["check/lint"].status', '"check/lint"', "unknown stage", "did you mean 'checks/lint'?"),
    ("stages.plan.state", "state", "unknown stage field 'state'", "did you mean 'status'?"),
    ("stages[inputs.name].status", "inputs.name", "has to be known beforehand", "in quotes"),
    ("inputs.hosts.map(h, x)", "x", "unknown name 'x'", "known: h, inputs, stages"),
    ("inputs.name.first", "first", "a string has no fields", ""),
    ("inputs.hosts.first", "first", "a list has no fields", ""),
    # hyphens and slashes
    ("stages.my-stage.status", "my-stage", "reads as arithmetic", 'write stages["my-stage"]'),
    ("stages.plan-b.status", "plan-b", "reads as arithmetic", 'write stages["plan-b"]'),
    ("stages.checks/lint.status", "checks/lint", "arithmetic", 'write stages["checks/lint"]'),
    ("true || stages.my-stage.status", "my-stage", "arithmetic", 'write stages["my-stage"]'),
    ("stages.my-stagee.status", "my-stagee", "unknown stage", "did you mean 'my-stage'?"),
    # comparisons that are always false
    ("inputs.count == '3'", "'3'", "an int never equals a string", "write 3 without quotes"),
    ("'3' == inputs.count", "'3'", "an int never equals a string", "write 3 without quotes"),
    ("inputs.count in [1, '3']", "'3'", "an int never equals", "write 3 without quotes"),
    ("inputs.name == 3", "3", "a string never equals an int", 'write "3"'),
    ("inputs.name == true", "true", "a string never equals a bool", 'write "true"'),
    ("inputs.dry == 'true'", "'true'", "a bool never equals", "write true without quotes"),
    ("inputs.ratio != '0.5'", "'0.5'", "a number never equals", "write 0.5 without quotes"),
    ("inputs.env == inputs.count", "inputs.count", "a string never equals an int", ""),
    ("inputs.env == 'prod'", "'prod'", "never a value", "the values are: production, staging"),
    ("inputs.env in ['prodution']", "'prodution'", "never a value", "did you mean 'production'?"),
    ("inputs.level == 4", "4", "never a value", "the values are: 1, 2, 3"),
    ("stages.plan.status == 'complete'", "'complete'", "never a value", "mean 'completed'?"),
    ("inputs.hosts == 'a'", "'a'", "a list never equals a string", ""),
    ("1 in inputs.hosts", "1", "a string never equals an int", 'write "1"'),
    ("1 in inputs.labels", "1", "the key of a map is a string, not an int", ""),
    # operands
    ("inputs.count + 1.0", "inputs.count + 1.0", "cannot mix int + double", "convert one with"),
    ("inputs.count + 'a'", "inputs.count + 'a'", "cannot compute an int + a string", ""),
    ("inputs.dry < 1", "inputs.dry < 1", "cannot compute a bool < an int", ""),
    ("stages.plan.output < null", "stages.plan.output < null", "cannot compute with null", ""),
    ("stages.plan.output - 'a'", "stages.plan.output - 'a'", "cannot compute with a string", ""),
    ("!inputs.count", "inputs.count", "expected a bool, got an int", ""),
    ("-inputs.name", "-inputs.name", "cannot negate a string", ""),
    ("inputs.dry && inputs.name", "inputs.name", "expected a bool, got a string", ""),
    ("inputs.count ? 1 : 2", "inputs.count", "expected a bool, got an int", ""),
    ("'a' in inputs.name", "inputs.name", "not into a string", "write text.contains(part)"),
    ("1 in 2", "2", "not into an int", ""),
    ("inputs.hosts[inputs.name]", "inputs.name", "expected an int, got a string", ""),
    ("inputs.labels[1]", "1", "expected a string, got an int", ""),
    ("inputs.name[0]", "inputs.name[0]", "a string has no fields", ""),
    ("{1: 2}", "1", "expected a string, got an int", ""),
    ("size(1)", "1", "size() does not take an int", "it takes: string, list, map"),
    ("inputs.name.contains(1)", "1", "contains() does not take an int", ""),
    ("int(inputs.dry)", "inputs.dry", "int() does not take a bool", ""),
    ("inputs.name.all(c, true)", "inputs.name", "all() goes over a list or a map", ""),
    ("inputs.hosts.all(h, h)", "h", "expected a bool, got a string", ""),
]


@pytest.mark.parametrize(("source", "expected"), TYPED)
def test_an_expression_has_this_type(source, expected):
    assert parse(source).check(SCHEMA) == expected


@pytest.mark.parametrize(("source", "place", "message", "hint"), REFUSED)
def test_an_expression_that_can_never_work_is_refused(source, place, message, hint):
    with pytest.raises(CompileError) as raised:
        parse(source).check(SCHEMA)

    error = raised.value
    assert message in error.message
    assert hint in error.hint
    if place:
        assert source[error.start : error.end] == place


@pytest.mark.parametrize("source", ["inputs.dry", "stages.plan.output.ok", "1 > 2"])
def test_a_condition_may_be_a_bool_or_not_yet_known(source):
    parse(source).check_condition(SCHEMA)


@pytest.mark.parametrize("source", ["inputs.name", "1", "stages.plan", "[true]", "null"])
def test_a_condition_that_is_never_a_bool_is_refused(source):
    with pytest.raises(CompileError, match="a condition is a bool"):
        parse(source).check_condition(SCHEMA)


@pytest.mark.parametrize(
    "level", ["(%s - 1).c", "(1 in [%s] ? inputs : inputs)", "[%s].map(x, x)", "{'a': %s}['a']"]
)
def test_checking_takes_time_in_proportion_to_the_source(level):
    source = "inputs"
    for _ in range(12):
        source = level % source
    expression, looks = parse(source), 0

    class Counted(dict[str, Type]):
        def __getitem__(self, name: str) -> Type:
            nonlocal looks
            looks += 1
            return super().__getitem__(name)

    expression.check(Map(Counted({"inputs": ANY})))

    assert looks <= source.count("inputs")


def test_scalars_of_one_kind_join_their_choices():
    schema = Map({"a": Scalar("string", ("x",)), "b": Scalar("string", ("y",)), "c": BOOL})

    parse('(c ? a : b) == "y"').check(schema)
    with pytest.raises(CompileError, match="never a value"):
        parse('(c ? a : b) == "z"').check(schema)
