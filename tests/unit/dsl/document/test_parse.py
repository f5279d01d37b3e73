"""Parsing: the shape of a document, and mistakes told in the words of its author."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.core import Tier
from dsl.document.loader import load, load_data
from dsl.document.parse import parse
from dsl.document.wording import FORMS
from dsl.errors import DslError, Position
from dsl.models import AgentStage, ConditionStage, GateStage, ParallelStage, Pipeline
from dsl.schema import pipeline_schema
from dsl.values.durations import PATTERN as DURATION_PATTERN

HEAD = 'name: x\nversion: "1.0"\n'
AGENT = "stages:\n  - name: a\n    type: agent\n    template: default\n"
GATE = "stages:\n  - name: g\n    type: gate\n    config:\n      approvers: [ana]\n"
BRANCHES = "stages:\n  - name: p\n    type: parallel\n    branches:\n"


def refusal(text) -> DslError:
    with pytest.raises(DslError) as refused:
        parse(load(text, "p.yaml"))
    return refused.value


def only(text) -> tuple[str, Position, str, str]:
    problems = refusal(text).problems
    assert len(problems) == 1, refusal(text)
    return problems[0].code, problems[0].at, problems[0].message, problems[0].hint


# --- what is accepted


def test_a_whole_pipeline_becomes_typed_values_with_their_defaults():
    pipeline = parse(
        load(
            """
name: deploy
version: "1.0"
timeout: 2h
inputs:
  environment: {type: string, enum: [staging, production], default: staging}
stages:
  - {name: plan, type: agent, template: terraform, config: {tier: T1, timeout: 10m}}
  - name: review
    type: gate
    requires: [plan]
    config: {approvers: [team-lead, "group:sre"], timeout: 30m}
  - name: checks
    type: parallel
    requires: [review]
    branches:
      - {name: lint, stages: [{name: a, type: agent, template: default}]}
  - name: route
    type: condition
    if: inputs.environment == "production"
    then: [{name: b, type: agent, template: default}]
    else: [{name: c, type: agent, template: default}]
""",
            "p.yaml",
        )
    )

    plan, review, checks, route = pipeline.stages
    assert pipeline.timeout == 7_200_000
    assert isinstance(plan, AgentStage)
    assert (plan.config.tier, plan.config.timeout) == (Tier.T1, 600_000)
    assert isinstance(review, GateStage)
    assert (review.config.on_timeout, review.config.quorum) == ("reject", 1)
    assert isinstance(checks, ParallelStage)
    assert checks.config.join == "all"
    assert isinstance(route, ConditionStage)
    assert route.if_ == 'inputs.environment == "production"'
    assert route.else_[0].name == "c"


def test_a_json_object_is_parsed_alike():
    data = {
        "name": "x",
        "version": "1",
        "stages": [{"name": "a", "type": "agent", "template": "t"}],
    }

    assert parse(load_data(data, "input")).stages[0].name == "a"


def test_what_agents_are_told_keeps_its_types():
    inputs = "{list: [1, 2.5, null, {deep: true}], text: on}"
    pipeline = parse(load(f"{HEAD}{AGENT}    config: {{inputs: {inputs}}}\n", "p.yaml"))

    stage = pipeline.stages[0]
    assert isinstance(stage, AgentStage)
    assert stage.config.inputs == {"list": [1, 2.5, None, {"deep": True}], "text": "on"}


# --- unknown and missing fields


@pytest.mark.parametrize(
    ("text", "at", "field", "hint"),
    [
        (f"{HEAD}Timeout: 1h\n{AGENT}", (3, 1), "Timeout", "did you mean 'timeout'?"),
        (f"{HEAD}{AGENT}    requries: [b]\n", (7, 5), "requries", "did you mean 'requires'?"),
        (f"{HEAD}{AGENT}    config:\n      timeuot: 5m\n", (8, 7), "timeuot", "'timeout'?"),
        (f"{HEAD}{AGENT}    config:\n      xyz: 5m\n", (8, 7), "xyz", "fields here: "),
        (f"{HEAD}{AGENT}    timeout: 5m\n", (7, 5), "timeout", "write it under config:"),
        (f"{HEAD}{GATE}    quorum: 2\n", (8, 5), "quorum", "write it under config:"),
        (f"{HEAD}{GATE}      requires: [a]\n", (8, 7), "requires", "write it beside config:"),
        (f"{HEAD}{GATE}      groups: [{{nam: a, name: b}}]\n", (8, 17), "nam", "'name'?"),
        (f"{HEAD}inputs: {{a: {{typ: string}}}}\n{AGENT}", (3, 14), "typ", "'type'?"),
    ],
)
def test_an_unknown_field_is_told_with_what_was_meant(text, at, field, hint):
    code, where, message, guess = only(text)

    assert (code, where) == ("DSL201", Position(*at))
    assert message == f"unknown field {field!r}"
    assert hint in guess


@pytest.mark.parametrize("word", ["if_", "else_"])
def test_names_of_our_own_code_are_no_fields(word):
    stage = "{name: c, type: condition, if: 'true', then: [{name: a, type: agent, template: t}]"
    code, _, _, hint = only(f"{HEAD}stages: [{stage}, {word}: []}}]\n")

    assert code == "DSL201"
    assert hint == f"did you mean {word.strip('_')!r}?"


def test_a_misspelt_field_is_not_also_a_missing_one():
    code, _, _, hint = only(f"{HEAD}{AGENT.replace('template', 'templat')}")

    assert (code, hint) == ("DSL201", "did you mean 'template'?")


def test_fields_of_a_gate_beside_config_are_not_also_a_missing_config():
    code, _, _, hint = only(f"{HEAD}stages:\n  - {{name: g, type: gate, approvers: [ana]}}\n")

    assert (code, hint) == ("DSL201", "write it under config:")


@pytest.mark.parametrize(
    ("text", "at", "field", "hint"),
    [
        (AGENT.replace("- name: a\n    type", "- type"), (4, 5), "name", "add name:"),
        (AGENT.replace("    template: default\n", ""), (4, 5), "template", "add template:"),
        (
            AGENT.replace("    type: agent\n", ""),
            (4, 5),
            "type",
            "agent, gate, parallel, condition",
        ),
        ("stages: [{name: g, type: gate}]", (3, 10), "config", "add config:"),
        ("description: x", (1, 1), "stages", "add stages:"),
    ],
)
def test_a_missing_field_is_told_where_it_is_missed(text, at, field, hint):
    code, where, message, advice = only(HEAD + text)

    assert (code, where) == ("DSL202", Position(*at))
    assert message == f"missing field {field!r}"
    assert hint in advice


@pytest.mark.parametrize(
    ("written", "told", "hint"),
    [
        ("agnt", "'agnt'", "did you mean 'agent'?"),
        ("Gate", "'Gate'", "did you mean 'gate'?"),
        ("xyz", "'xyz'", "one of: agent, condition, gate, parallel"),
        ("", "nothing", "one of: "),
        ("3", "3", "one of: "),
        ("[agent]", "a list", "one of: "),
    ],
)
def test_an_unknown_stage_type_is_told_with_the_four(written, told, hint):
    code, at, message, advice = only(f"{HEAD}{AGENT.replace('agent', written)}")

    assert (code, at.line) == ("DSL203", 5)
    assert message == f"unknown stage type {told}"
    assert hint in advice


# --- wrong values


@pytest.mark.parametrize("written", ["1.0", "1.10", "2", "0x10", "1.0e+3"])
def test_a_version_that_is_a_number_must_be_quoted_as_it_was_written(written):
    code, at, message, hint = only(f"name: x\nversion: {written}\n{AGENT}")

    assert (code, at) == ("DSL204", Position(2, 10))
    assert message.startswith("version: expected text, got ")
    assert hint == f'put it in quotes: "{written}"'


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (f"{AGENT}    requires: plan\n", "requires: expected a list, got 'plan'", "[plan]"),
        (f"{AGENT}    config:\n", "config: expected a mapping, got nothing", "leave the field out"),
        (f"{AGENT}    config: [a]\n", "config: expected a mapping, got a list", ""),
        (f"{AGENT}    config: {{retry: true}}\n", "retry: expected a whole number, got true", ""),
        (f"{AGENT}    config: {{retry: 1.5}}\n", "retry: expected a whole number, got 1.5", ""),
        (f"{GATE}      quorum: '2'\n", "quorum: expected a whole number, got '2'", "the quotes"),
        ("stages: {a: b}", "stages: expected a list, got a mapping", "start each item with '- '"),
        ("stages: [a]", "item 1 of stages: expected a mapping, got 'a'", ""),
        (f"{AGENT}    description: yes\n    agent: no\n    requires: [1]\n", "item 1 of", "quotes"),
        (f"inputs: {{a: {{required: 1}}}}\n{AGENT}", "required: expected true or false, got 1", ""),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_the_right_one(text, message, hint):
    code, _, told, advice = only(HEAD + text)

    assert code == "DSL204"
    assert told.startswith(message)
    assert hint in advice


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        (
            f"{GATE}      on_timeout: approve\n",
            "DSL205",
            "on_timeout: expected reject or escalate, got 'approve'",
            "nothing ever approves by itself",
        ),
        (
            f"{GATE}      on_timeout: Escalte\n",
            "DSL205",
            "on_timeout: expected reject or escalate, got 'Escalte'",
            "did you mean 'escalate'?",
        ),
        (f"{GATE}      exclude: [me]\n", "DSL205", "item 1 of exclude: expected starter or", ""),
        (f"{GATE}      gate_type:\n", "DSL205", "gate_type: expected approval or", ""),
        (AGENT.replace("name: a", "name: My_Stage"), "DSL206", "name 'My_Stage': ", "my-stage"),
        (f"{AGENT}    requires: [A]\n", "DSL206", "item 1 of requires 'A': expected lower", "a"),
        (f"{AGENT}    agent: Bob\n", "DSL206", "agent 'Bob': expected lower-case", "bob"),
        (f"{AGENT}    config: {{secrets: {{a-b: x}}}}\n", "DSL206", "name 'a-b': ", "A_B"),
        (f"inputs: {{a-b: {{}}}}\n{AGENT}", "DSL206", "name 'a-b': expected lower", "a_b"),
        (f"project: a b\n{AGENT}", "DSL206", "project 'a b': expected letters", "a-b"),
        (GATE.replace("ana", "'group:'"), "DSL206", "item 1 of approvers 'group:': ", ""),
        (GATE.replace("ana", "group: sre"), "DSL204", "item 1 of approvers: ", "'group:sre'"),
        (GATE.replace("[ana]", "ana"), "DSL204", "approvers: expected a list", "[ana]"),
        (GATE.replace("[ana]", "ana, bo"), "DSL204", "approvers: expected a list", "[ana, bo]"),
        (GATE.replace("[ana]", "o'b+1@x.y"), "DSL204", "approvers: ", "['o''b+1@x.y']"),
        (f"timeout: 90\n{AGENT}", "DSL207", "timeout: a duration needs a unit: write 90s", ""),
        (f"timeout: 5x\n{AGENT}", "DSL207", "timeout: '5x' is not a duration", ""),
        (f"timeout: 31d\n{AGENT}", "DSL207", "timeout: '31d' is outside the limits", ""),
        (f"timeout:\n{AGENT}", "DSL207", "timeout: expected a duration such as 90s", ""),
        (f"{AGENT}    config: {{tier: 5}}\n", "DSL208", "tier: expected a trust tier from 0", ""),
        (f"{AGENT}    config: {{tier: true}}\n", "DSL208", "tier: expected a tier from 0", ""),
        (f"{AGENT}    config: {{retry: -1}}\n", "DSL209", "retry: expected at least 0, got -1", ""),
        (f"{AGENT}    config: {{retry: 11}}\n", "DSL209", "retry: expected at most 10", ""),
        ("stages: []", "DSL210", "stages: expected at least 1 item, got 0", ""),
        (f"{GATE}      identity: []\n", "DSL210", "identity: expected at least 1 item", ""),
        (
            f"{GATE}      groups: [{', '.join(['{name: a}'] * 101)}]\n",
            "DSL210",
            "groups: expected at most 100 items, got 101",
            "",
        ),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(text, code, message, hint):
    found, _, told, advice = only(HEAD + text)

    assert found == code
    assert told.startswith(message)
    assert hint in advice


def test_a_list_with_wrong_items_is_not_also_too_short():
    assert only(f"{HEAD}stages: [{{name: a, type: agnt}}]")[0] == "DSL203"


@pytest.mark.parametrize("text", ["", "~", "- a\n", "text", "3", "true"])
def test_what_is_no_mapping_is_no_pipeline(text):
    code, at, message, _ = only(text)

    assert (code, at) == ("DSL211", Position(1, 1))
    assert message.startswith("expected a pipeline with name, version and stages, got ")


# --- deep places


def test_mistakes_deep_inside_are_found_where_they_are():
    text = f"""{HEAD}stages:
  - name: p
    type: parallel
    branches:
      - name: one
        stages:
          - name: c
            type: condition
            if: "true"
            then:
              - {{name: a, type: agent, template: t, agent: 3}}
            else:
              - {{name: g, type: gate, config: {{quorum: x}}}}
              - {{name: b, type: agent}}
"""

    assert [(p.code, p.at.line, p.at.column) for p in refusal(text).problems] == [
        ("DSL204", 13, 60),
        ("DSL204", 15, 56),
        ("DSL202", 16, 17),
    ]


def test_all_mistakes_are_told_in_the_order_of_the_document():
    problems = refusal("nam: x\nversion: 1\ntimeout: 9\nstages: [{type: agnt}, {}, 3]\n").problems

    places = [(problem.at.line, problem.at.column) for problem in problems]
    assert places == sorted(places)
    assert [problem.code for problem in problems] == [
        *("DSL201", "DSL204", "DSL207", "DSL203", "DSL202", "DSL204"),
    ]


def test_a_message_reads_as_an_author_would_want_it():
    assert str(refusal(f"{HEAD}{AGENT}    timeout: 10m\n")) == (
        "p.yaml:7:5: unknown field 'timeout' [DSL201]\n"
        "        timeout: 10m\n"
        "        ^\n"
        "    hint: write it under config:"
    )


# --- for all documents


def patterns_in(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(patterns_in, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own | set(schema.get("patternProperties", {})) | patterns_in(list(schema.values()))


def test_every_pattern_of_the_language_has_words():
    forbidden = {"^group:", "^group:(group:| |$)"}
    assert patterns_in(pipeline_schema()) - set(FORMS) - forbidden == {DURATION_PATTERN}


WORDS = st.sampled_from(
    [
        *("name", "version", "stages", "type", "agent", "gate", "parallel", "condition", "config"),
        *("if", "then", "else", "branches", "requires", "timeout", "tier", "inputs", "30m", "T1"),
        *("approvers", "groups", "secrets", "template", "if_", "x", "[key]", "sandbox", "tcp"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.floats(-9, 9) | WORDS
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=25,
)
STAGE_TYPES = st.sampled_from(["agent", "gate", "parallel", "condition", "x"])
STAGE = st.builds(
    lambda kind, rest: {**rest, "type": kind}, STAGE_TYPES, st.dictionaries(WORDS, NESTED)
)
STAGES = st.lists(STAGE | NESTED, max_size=3)
PIPELINES = st.fixed_dictionaries(
    {"stages": STAGES}, optional={"name": NESTED, "timeout": NESTED, "inputs": NESTED}
)


@given(NESTED | PIPELINES)
def test_any_data_is_a_pipeline_or_refused_with_known_codes(data):
    try:
        pipeline = parse(load_data(data, "input"))
    except DslError as error:
        codes = {problem.code for problem in error.problems}
    else:
        codes = set()
        assert isinstance(pipeline, Pipeline)
    assert codes <= {f"DSL2{number:02}" for number in range(1, 12)}
