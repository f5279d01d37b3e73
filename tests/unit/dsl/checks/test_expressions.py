"""What expressions of a document may name, and where a mistake in one is shown."""

from __future__ import annotations

import pytest

from tests.unit.dsl.documents import document, found, only, problems

INPUTS = """
inputs:
  environment: {type: string, enum: [staging, production], default: staging}
  count: {type: integer, default: 3}
  thorough: {type: boolean, default: false}
  note: {required: false}
"""
BRANCHES = """
- {name: plan, type: agent, template: default}
- name: checks
  type: parallel
  requires: [plan]
  branches:
    - {name: lint, stages: [{name: run, type: agent, template: default}]}
    - name: cost
      stages:
        - {name: run, type: agent, template: default}
        - {name: sum, type: agent, template: default, requires: [run], config: CONFIG}
- {name: beside, type: agent, template: default}
"""


def condition(expression: str, requires: str = "checks") -> str:
    text = BRANCHES.replace(", config: CONFIG", "").strip()
    return (
        f"{text}\n- name: route\n  type: condition\n  requires: [{requires}]\n  if: {expression}\n"
        "  then: [{name: go, type: agent, template: default}]"
    )


def told(expression: str, requires: str = "checks") -> list[tuple[str, str]]:
    return found(condition(expression, requires), INPUTS)


@pytest.mark.parametrize(
    "expression",
    [
        'inputs.environment == "production" && stages.checks.status == "completed"',
        'stages["checks/lint/run"].output.findings > 3',
        "stages.plan.output.score > 1 || has(stages.plan.output.x) && inputs.thorough",
        'inputs.note == null || inputs.note == "x"',
        "inputs.count > 2",
        "inputs.thorough",
    ],
)
def test_a_condition_on_what_is_known_and_has_ended_is_accepted(expression):
    assert told(f"'{expression}'") == []
    assert told(expression) == []


@pytest.mark.parametrize(
    ("expression", "code", "under_caret"),
    [
        ("inputs.count ===  3", "DSL315", "=  3"),
        ("inputs.count >", "DSL315", None),
        ("inputs.cuont > 3", "DSL316", None),
        ("stages.plam.status == 'completed'", "DSL316", None),
        ("stages.plan.state == 'completed'", "DSL316", None),
        ("inputs.count == 'three'", "DSL316", None),
        ("inputs.environment == 'test'", "DSL316", None),
        ("inputs.count", "DSL316", "inputs.count"),
        ("nothing.here", "DSL316", "nothing.here"),
        ("true && stages.beside.status == 'completed'", "DSL317", "stages.beside.status == 'c"),
        ("stages.route.status == 'completed'", "DSL317", "stages.route.status"),
        ("stages.exists(x, x == 'plan')", "DSL317", "stages.exists"),
        ('stages["route/go"].status == "completed"', "DSL317", 'stages["route/go"]'),
    ],
)
def test_a_condition_that_could_not_be_decided_is_refused(expression, code, under_caret):
    ((told_code, place),) = told(expression)

    assert told_code == code
    assert under_caret is None or place.startswith(under_caret)


def test_the_caret_points_into_a_quoted_expression_too():
    assert told("\"true && stages.beside.status == 'x'\"")[0][1].startswith("stages.beside")


def test_the_caret_points_at_a_folded_expression_and_the_message_quotes_the_part():
    text = condition("PLACE").replace("PLACE", ">-\n    true &&\n    inputs.cuont > 3")
    problem = only(text, INPUTS)

    assert problem.code == "DSL316"
    assert "cuont" in problem.message


def test_the_hint_says_what_to_require():
    problem = only(condition("stages.beside.status == 'completed'"), INPUTS)

    assert problem.message == "stage 'beside' may not have finished"
    assert problem.hint == "add 'beside' to requires of 'route'"


def test_the_hint_names_the_siblings_at_which_two_ways_meet():
    text = BRANCHES.replace(", config: CONFIG", "").strip()
    config = "{inputs: {path: '${{ stages[\"checks/lint/run\"].output.path }}'}}"
    problem = only(f"{text}\n- {{name: b, type: agent, template: default, config: {config}}}")

    assert problem.code == "DSL317"
    assert problem.hint == "add 'checks' to requires of 'b'"


def branch(expression: str) -> str:
    config = "{inputs: {path: '${{ " + expression + " }}'}}"
    return BRANCHES.replace("CONFIG", config)


def test_an_input_may_read_what_its_stage_or_one_around_it_requires():
    assert found(branch("stages.plan.output.path")) == []
    assert found(branch('stages["checks/cost/run"].output.path')) == []


def test_an_input_cannot_read_another_branch():
    problem = only(branch('stages["checks/lint/run"].output.path'))

    assert problem.code == "DSL317"
    assert "runs beside this stage" in problem.hint


def test_a_sibling_in_a_branch_is_named_by_its_path():
    problem = only(branch("stages.run.output.path"))

    assert problem.code == "DSL316"
    assert problem.hint == 'write stages["checks/cost/run"]'


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ("{path: '${{ inputs.environment }}'}", None),
        ("{path: 'a/${{ inputs.count }}/b'}", None),
        ("{max_files: '${{ inputs.count }}'}", None),
        ("{path: '${{ inputs.count }}'}", "DSL307"),
        ("{max_files: '${{ inputs.count }} files'}", "DSL307"),
        ("{path: '${{ inputs.cuont }}'}", "DSL316"),
        ("{path: '${{ inputs.count '}", "DSL315"),
        ("{path: '${{ }}'}", "DSL315"),
    ],
)
def test_expressions_in_inputs_are_checked_against_the_template(inputs, code):
    stage = f"- {{name: a, type: agent, template: default, config: {{inputs: {inputs}}}}}"
    codes = [each.code for each in problems(document(stage, INPUTS))]

    assert codes == ([] if code is None else [code])


def test_expressions_deep_inside_an_input_are_checked_each():
    stage = """
        - name: a
          type: agent
          template: declared
          config:
            inputs:
              vars: [{size: "${{ inputs.cuont }}"}, "${{ stages.b.status }}", plain]
              "${{ key }}": 1
    """
    codes = [code for code, _ in found(stage, INPUTS)]

    assert codes == ["DSL319", "DSL316", "DSL316", "DSL315"]
