"""From text to plan: what is filled in, what the digest depends on, how long it takes."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from dsl.catalogue import EXAMPLES
from dsl.compiler import compile_text
from dsl.core import ErrorBudget, Tier
from dsl.errors import DslError
from dsl.limits import AGENT_TIMEOUT_MS, GATE_TIMEOUT_MS, PIPELINE_TIMEOUT_MS, STAGES_MAX
from dsl.plan import AgentStep, ConditionStep, GateStep, ParallelStep, Plan, walk
from dsl.schema import documents, pipeline_schema
from dsl.stages.agent import SandboxConfig
from dsl.values.canonical import digest_of
from tests.unit.dsl.documents import TEMPLATES, document

COMPILE_SECONDS_MAX = 1.0  # of CPU; measured: about a tenth

FULL = """
name: full
version: "1.0"
project: team
timeout: 2h
inputs:
  environment: {type: string, enum: [staging, production], default: staging}
  count: {type: integer}
  note: {required: false}
stages:
  - name: plan
    type: agent
    template: code-review
    agent: planner
    config:
      tier: T2
      timeout: 10m
      retry: 2
      inputs: {path: "${{ inputs.environment }}"}
      secrets: {TOKEN: kv/app#token}
      error_budget: {errors: 3, window: 10m}
      on_revoked: "replace: other"
      sandbox: {tcp: [443]}
  - name: checks
    type: parallel
    requires: [plan]
    branches:
      - name: lint
        stages:
          - {name: run, type: agent, template: default}
          - {name: sign-off, type: gate, requires: [run], config: {approvers: [ana]}}
  - name: review
    type: gate
    requires: [plan, checks]
    config:
      approvers: [ana]
      groups: [{name: sre, quorum: 2}]
      on_timeout: escalate
      escalate_to: {approvers: [bo], timeout: 1h}
      remind_every: 5m
      approves: [plan, checks/lint/run]
  - name: route
    type: condition
    requires: [review]
    if: inputs.environment == "production"
    then:
      - {name: deploy, type: agent, template: default}
    else:
      - {name: rehearse, type: agent, template: default}
"""


@pytest.fixture(scope="module")
def steps():
    return {step.path: step for step in walk(compile_text(FULL, "full.yaml").plan.steps)}


def test_paths_are_the_names_from_outside_in(steps):
    assert list(steps) == [
        "plan",
        "checks",
        "checks/lint/run",
        "checks/lint/sign-off",
        "review",
        "route",
        "route/deploy",
        "route/rehearse",
    ]


def test_what_an_agent_stage_says_is_kept(steps):
    assert steps["plan"] == AgentStep(
        path="plan",
        name="plan",
        template="code-review",
        program="code_review",
        phases=("PLAN", "EXECUTE"),
        agent="planner",
        tier=Tier.T2,
        timeout_ms=600_000,
        retry=2,
        inputs={"path": "${{ inputs.environment }}", "fail_on": "never", "rules": "shipped"},
        secrets={"TOKEN": "kv/app#token"},
        error_budget=ErrorBudget(errors=3, window_ms=600_000),
        on_revoked="replace:other",
        sandbox={"tcp": [443]},
        produces=("findings.json", "review.md", "review.sarif"),
    )


def test_what_an_agent_stage_leaves_open_comes_from_its_template(steps):
    run = steps["checks/lint/run"]

    assert isinstance(run, AgentStep)
    assert (run.agent, run.tier, run.timeout_ms) == ("full.checks.lint.run", 0, AGENT_TIMEOUT_MS)
    assert (run.program, run.phases) == ("inventory", ("EXECUTE",))
    assert run.inputs == {"path": ".", "max_files": 10_000}


def test_a_gate_approves_all_it_requires_unless_it_says_what(steps):
    inner, outer = steps["checks/lint/sign-off"], steps["review"]

    assert isinstance(inner, GateStep)
    assert isinstance(outer, GateStep)
    assert inner.approves == ("checks/lint/run",)
    assert (inner.timeout_ms, inner.on_timeout, inner.quorum) == (GATE_TIMEOUT_MS, "reject", 1)
    assert outer.approves == ("plan", "checks/lint/run")
    assert outer.escalate_to is not None
    assert outer.escalate_to.timeout_ms == 3_600_000
    assert outer.remind_every_ms == 300_000


def test_arms_and_branches_hold_their_stages(steps):
    route, checks = steps["route"], steps["checks"]

    assert isinstance(route, ConditionStep)
    assert isinstance(checks, ParallelStep)
    assert [step.name for step in route.then] == ["deploy"]
    assert [step.name for step in route.otherwise] == ["rehearse"]
    assert [branch.name for branch in checks.branches] == ["lint"]


def test_an_input_without_a_default_is_required_unless_it_says_otherwise():
    inputs = compile_text(FULL, "full.yaml").plan.inputs

    assert {name: declared.required for name, declared in inputs.items()} == {
        "environment": False,
        "count": True,
        "note": False,
    }


def test_the_pipeline_timeout_has_a_default():
    text = document("- {name: a, type: agent, template: default}")

    assert compile_text(text, "p.yaml").plan.timeout_ms == PIPELINE_TIMEOUT_MS


# the digest


def test_the_digest_is_that_of_the_plan_in_canonical_json():
    compiled = compile_text(FULL, "full.yaml")

    assert compiled.digest == compiled.plan.digest()
    assert compiled.digest == digest_of(json.loads(compiled.plan.model_dump_json()))


def test_a_plan_read_back_has_the_same_digest():
    compiled = compile_text(FULL, "full.yaml")
    again = Plan.model_validate_json(compiled.plan.model_dump_json())

    assert again == compiled.plan
    assert again.digest() == compiled.digest


@settings(max_examples=25)
@given(st.permutations(["name: a", "type: agent", "template: default", "description: x"]))
def test_the_order_of_keys_does_not_change_the_digest(keys):
    texts = ["{" + ", ".join(order) + "}" for order in (keys, sorted(keys))]
    digests = {compile_text(document(f"- {text}"), "p.yaml").digest for text in texts}

    assert len(digests) == 1


def test_comments_and_spaces_do_not_change_the_digest():
    spaced = "# a comment\n" + FULL.replace("[plan, checks]", "[ plan,   checks ]")

    assert compile_text(spaced, "x").digest == compile_text(FULL, "y").digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("approvers: [ana]", "approvers: [bo]"),
        ("timeout: 10m", "timeout: 11m"),
        ("kv/app#token", "kv/app#other"),
        ('== "production"', '== "staging"'),
        ("tcp: [443]", "tcp: [80]"),
    ],
)
def test_whatever_governs_the_run_changes_the_digest(old, new):
    assert compile_text(FULL.replace(old, new), "x").digest != compile_text(FULL, "x").digest


# the door


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_example_compiles_without_a_warning(file):
    compiled = compile_text(file.read_text(), file.name)

    assert compiled.warnings == ()
    assert compiled.plan.name == file.stem
    assert file.read_text().startswith("# yaml-language-server: $schema=../schemas/pipeline.sche")


def test_warnings_come_with_the_plan_in_source_order():
    text = document(
        """
        - {name: b, type: agent, template: declared, agent: x}
        - {name: a, type: agent, template: default, agent: x}
        """
    )
    compiled = compile_text(text, "p.yaml", TEMPLATES)

    assert [each.code for each in compiled.warnings] == ["DSL319", "DSL502"]


def test_a_refusal_shows_every_problem_in_its_place():
    with pytest.raises(DslError) as caught:
        compile_text(document("- {name: a, type: agent, template: defualt}"), "p.yaml")

    assert str(caught.value) == (
        "p.yaml:4:38: unknown template 'defualt' [DSL306]\n"
        "      - {name: a, type: agent, template: defualt}\n"
        "                                         ^\n"
        "    hint: did you mean 'default'?"
    )


def test_the_largest_plan_compiles_fast():
    lines = "\n".join(
        f"- name: s{n}\n  type: agent\n  template: default\n"
        f"  requires: [{f's{n - 1}' if n else ''}]\n  config: {{timeout: 10m}}"
        for n in range(STAGES_MAX)
    )
    text = document(lines)
    start = time.process_time()
    compiled = compile_text(text, "p.yaml")
    seconds = time.process_time() - start

    assert len(compiled.plan.steps) == STAGES_MAX
    assert seconds < COMPILE_SECONDS_MAX


def test_no_default_is_copied_for_each_stage():
    """pydantic copies a default that has no hash, deeply: for each stage that does not say it."""
    models = documents()
    defaults = [
        info.default
        for name in pipeline_schema()["$defs"]
        for info in models[name].model_fields.values()
        if isinstance(info.default, BaseModel)
    ]

    assert SandboxConfig() in defaults
    assert [default for default in defaults if not _has_hash(default)] == []


def _has_hash(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def test_the_worst_graph_within_the_limits_compiles_fast():
    width = STAGES_MAX // 4
    first = "\n".join(
        f"- {{name: a{n}, type: agent, template: default, agent: x}}" for n in range(width)
    )
    every = ", ".join(f"a{n}" for n in range(width))
    then = "\n".join(
        f"- {{name: b{n}, type: agent, template: default, requires: [{every}]}}" for n in range(150)
    )
    start = time.process_time()
    compiled = compile_text(document(f"{first}\n{then}"), "p.yaml")

    assert {each.code for each in compiled.warnings} == {"DSL502"}
    assert time.process_time() - start < COMPILE_SECONDS_MAX
