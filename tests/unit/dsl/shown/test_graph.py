"""The drawings of a plan: every stage once, every requirement an arrow, no text escapes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.catalogue import EXAMPLES
from dsl.compiler import compile_text
from dsl.plan import ConditionStep, GateStep, Plan, walk
from dsl.shown.graph import LABEL_LENGTH_MAX, mermaid, outline

TEXT = """
name: drawn
version: "1.0"
timeout: 2h
stages:
  - {name: end, type: agent, template: default}
  - name: review
    type: gate
    requires: [end]
    config: {approvers: [ana, bo], quorum: 2, timeout: 30m}
  - name: checks
    type: parallel
    requires: [review]
    branches:
      - {name: lint, stages: [{name: run, type: agent, template: code-review}]}
      - {name: cost, stages: [{name: run, type: agent, template: default}]}
  - name: route
    type: condition
    requires: [checks]
    if: stages.checks.status == "completed"
    then: [{name: go, type: agent, template: default}]
"""


@pytest.fixture(scope="module")
def plan():
    return compile_text(TEXT, "drawn.yaml").plan


def test_the_outline_is_a_tree_with_all_there_is_to_know(plan):
    assert outline(plan) == [
        "drawn 1.0 · 2h",
        "├─ end: agent default · T0 · 30m",
        "├─ review: approval 2 of ana, bo · 30m · approves end · after end",
        "├─ checks: parallel · join all · on failure cancel · after review",
        "│  ├─ lint",
        "│  │  └─ run: agent code-review · T0 · 30m",
        "│  └─ cost",
        "│     └─ run: agent default · T0 · 30m",
        '└─ route: if stages.checks.status == "completed" · after checks',
        "   └─ then",
        "      └─ go: agent default · T0 · 30m",
    ]


def test_the_flowchart_has_shapes_frames_and_arrows(plan):
    assert mermaid(plan).splitlines() == [
        "flowchart TD",
        '  n1["end<br/>agent default · T0 · 30m"]',
        '  n2{{"review<br/>approval 2 of ana, bo · 30m · approves end"}}',
        '  subgraph n3["checks<br/>parallel · join all · on failure cancel"]',
        '    subgraph n4["lint"]',
        '      n5["run<br/>agent code-review · T0 · 30m"]',
        "    end",
        '    subgraph n6["cost"]',
        '      n7["run<br/>agent default · T0 · 30m"]',
        "    end",
        "  end",
        '  subgraph n8["route"]',
        '    n9{"stages.checks.status == #34;completed#34;"}',
        '    subgraph n10["then"]',
        '      n11["go<br/>agent default · T0 · 30m"]',
        "    end",
        "    n9 -->|then| n10",
        "  end",
        "  n1 --> n2",
        "  n2 --> n3",
        "  n3 --> n8",
    ]


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_stage_is_drawn_and_every_frame_closed(file):
    plan = compile_text(file.read_text(), file.name).plan
    chart, tree = mermaid(plan), outline(plan)
    requirements = sum(len(step.requires) for step in walk(plan.steps))

    assert chart.count("subgraph ") == len(re.findall(r"^ *end$", chart, re.MULTILINE))
    assert len(re.findall(r"n\d+ --> n\d+", chart)) == requirements
    for step in walk(plan.steps):
        assert any(f"─ {step.name}: " in line for line in tree)


def test_a_gate_shows_everybody_who_counts():
    gate = {
        "path": "g",
        "name": "g",
        "gate_type": "consensus",
        "approvers": ("ana",),
        "groups": ({"name": "sre", "quorum": 2},),
        "members": ({"stage": "a", "weight": 1, "min_confidence": 0.0},),
        "quorum": 1,
        "timeout_ms": 1000,
        "on_timeout": "reject",
    }
    plan = Plan(name="p", version="1", timeout_ms=1000, steps=(GateStep.model_validate(gate),))

    assert outline(plan)[1] == (
        "└─ g: consensus 1 of ana + 2 of group:sre + 1 member(s) · 1s · approves no output"
    )


@given(st.text(min_size=1))
def test_no_text_of_an_author_breaks_out_of_its_label(expression):
    plan = Plan(
        name="p",
        version="1",
        timeout_ms=1000,
        steps=(ConditionStep(path="c", name="c", expression=expression, then=()),),
    )
    label = mermaid(plan).splitlines()[2]

    assert len(mermaid(plan).splitlines()) == 4
    assert re.fullmatch(r' {4}n2\{"[^"<>`]*"\}', label)
    assert len(outline(plan)) == 2
    assert len(outline(plan)[1]) <= LABEL_LENGTH_MAX + len("└─ c: if ")
