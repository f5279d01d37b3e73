"""Numbers and truth values that were put in quotes: the hint says how they are written."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.document.scalars import of_quoted
from dsl.inputs import InputsError, resolve_inputs
from tests.unit.dsl.documents import document, problems

REMOVE = "remove the quotes"
STAGES = """
- name: a
  type: agent
  template: default
  config: {{{config}}}
- name: g
  type: gate
  requires: [a]
  config: {{approvers: [ann], {gate}}}
"""


@pytest.mark.parametrize(
    ("text", "kind", "hint"),
    [
        ("5", "integer", REMOVE),
        ("-1", "integer", REMOVE),
        (" 3 ", "integer", REMOVE),
        ("2.0", "integer", REMOVE),
        ("0x1f", "integer", REMOVE),
        ("1_000", "integer", "write 1000"),
        ("0.5", "number", REMOVE),
        ("5", "number", REMOVE),
        ("true", "boolean", REMOVE),
        ("yes", "boolean", "write true"),
        ("Off", "boolean", "write false"),
        ("0.5", "integer", ""),
        ("true", "integer", ""),
        ("5", "boolean", ""),
        ("0443", "integer", ""),
        ("512M", "integer", ""),
        ("", "integer", ""),
        ("null", "boolean", ""),
        ("9" * 30, "integer", ""),
        ("5", "string", ""),
    ],
)
def test_what_stands_in_quotes_is_told_by_what_yaml_takes_it_for(text, kind, hint):
    assert of_quoted(text, kind) == hint


@pytest.mark.parametrize(
    ("config", "gate"),
    [
        ('tier: "1"', ""),
        ('tier: " 3"', ""),
        ('retry: "2"', ""),
        ('clarifications: "1"', ""),
        ('concurrency: "1"', ""),
        ('error_budget: {errors: "3", window: 1m}', ""),
        ('sandbox: {tcp: ["443"]}', ""),
        ('sandbox: {memory_mb: "512"}', ""),
        ('inputs: {max_files: "5"}', ""),
        ("", 'quorum: "1"'),
        ("", 'groups: [{name: sre, quorum: "1"}]'),
        ("", 'gate_type: consensus, members: [{stage: a, weight: "1"}]'),
        ("", 'gate_type: consensus, members: [{stage: a, min_confidence: "0.5"}]'),
        ("", 'escalate_to: {approvers: [ann], quorum: "1"}, on_timeout: escalate'),
    ],
)
def test_every_field_of_a_stage_says_to_remove_them(config, gate):
    (problem,) = problems(document(STAGES.format(config=config, gate=gate)))

    assert problem.hint == REMOVE


@pytest.mark.parametrize(
    "spec",
    [
        '{type: integer, default: "5"}',
        '{type: number, default: "0.5"}',
        '{type: boolean, default: "true"}',
        '{type: integer, enum: ["5"]}',
        '{type: string, required: "false"}',
    ],
)
def test_declared_inputs_say_so_too(spec):
    (problem,) = problems(
        document("- {name: a, type: agent, template: default}", f"inputs: {{n: {spec}}}")
    )

    assert problem.hint == REMOVE


def test_text_without_quotes_is_told_to_have_some():
    (problem,) = problems(
        document("- {name: a, type: agent, template: default}", "inputs: {n: {default: 5}}")
    )

    assert problem.hint == 'put it in quotes: "5"'


def test_the_inputs_of_a_run_say_so_too():
    head = "inputs: {n: {type: integer}}"
    plan = compile_text(document("- {name: a, type: agent, template: default}", head), "p").plan

    with pytest.raises(InputsError, match=r"expected an integer, got '5' \(remove the quotes\)"):
        resolve_inputs(plan, {"n": "5"})
