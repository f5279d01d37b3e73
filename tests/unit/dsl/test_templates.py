"""The shipped templates, and what a template may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dsl.core import AgentPhase, Tier
from dsl.inputs import mismatch
from dsl.template_folders import SHIPPED, shipped
from dsl.templates import Template

RIGHT = {
    "name": "t",
    "description": "d",
    "tier": 0,
    "program": "prog",
    "phases": ["PLAN", "EXECUTE"],
}


def test_the_shipped_templates_are_those_of_the_design():
    assert {name: (each.tier, each.program) for name, each in shipped().items()} == {
        "default": (Tier.T0, "./inventory.py"),
        "code-review": (Tier.T0, "./code_review.py"),
        "terraform": (Tier.T1, "./terraform.py"),
        "ansible": (Tier.T1, "./ansible_run.py"),
        "llm": (Tier.T0, "./llm.py"),
        "council-member": (Tier.T0, "./council_member.py"),
        "bug-watcher": (Tier.T0, "./review/bug_watcher.py"),
        "suggester": (Tier.T0, "./review/suggester.py"),
        "suggestion-reviewer": (Tier.T0, "./review/suggestion_reviewer.py"),
    }


def test_a_template_is_in_the_file_of_its_name():
    assert {file.stem for file in SHIPPED.glob("*.yaml")} == set(shipped())


def test_templates_are_read_once_and_cannot_be_changed():
    assert shipped() is shipped()
    with pytest.raises(TypeError):
        shipped()["x"] = shipped()["default"]  # type: ignore[index]


@pytest.mark.parametrize("template", shipped().values(), ids=lambda each: each.name)
def test_every_default_of_a_shipped_template_is_a_value_it_takes(template):
    for spec in (template.inputs or {}).values():
        default = spec.default
        assert default is None or mismatch(spec.type, spec.enum, default) is None


def test_phases_are_read_as_phases():
    assert Template.model_validate(RIGHT).phases == (AgentPhase.PLAN, AgentPhase.EXECUTE)


@pytest.mark.parametrize(
    "phases",
    [[], ["PLAN"], ["EXECUTE", "PLAN"], ["EXECUTE", "EXECUTE"], ["BOOTSTRAP", "EXECUTE"], ["RUN"]],
)
def test_phases_out_of_order_or_not_askable_are_refused(phases):
    with pytest.raises(ValidationError):
        Template.model_validate(RIGHT | {"phases": phases})


@pytest.mark.parametrize(
    "wrong", [{"program": "../x"}, {"tier": 5}, {"timeout": 30}, {"unknown": 1}, {"name": "T"}]
)
def test_a_template_with_a_wrong_field_is_refused(wrong):
    with pytest.raises(ValidationError):
        Template.model_validate(RIGHT | wrong)
