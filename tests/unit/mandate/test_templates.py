"""What the command line shows of templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsl.template_folders import shipped
from integrations.agents.programs.catalogue import Programs
from mandate import catalogue
from mandate.stack import environment
from mandate.work.look import listing, templates
from tests.fixtures.engine import OUTSIDE

DECLARED = Path(__file__).parents[2] / "fixtures" / "templates"


def test_the_list_has_every_template_below_the_pipelines(tmp_path, capsys):
    environment.write(tmp_path, {})
    assert listing.run(tmp_path) == 0
    both = capsys.readouterr().out
    assert listing.run(tmp_path, only_templates=True) == 0
    alone = capsys.readouterr().out

    assert both.startswith("NAME ")
    assert both.endswith("\n\n" + alone)
    assert alone.startswith("TEMPLATE ")
    assert {line.split()[0] for line in alone.splitlines()[1:]} == set(shipped())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_template_is_shown_with_all_that_a_stage_may_set(capsys, name):
    template = shipped()[name]

    assert templates.show(name, as_json=False) == 0
    text = capsys.readouterr().out
    assert f"tier      {template.tier.name}, " in text
    assert f"phases    {', '.join(template.phases)}" in text
    for given, spec in (template.inputs or {}).items():
        assert f"  {given}: {spec.type}" in text


def test_what_is_shown_can_be_had_as_json_with_the_digest_agents_are_bound_to(capsys):
    assert templates.show("code-review", as_json=True) == 0
    said = json.loads(capsys.readouterr().out)

    assert said["digest"] == Programs().digest("code-review")
    assert said["inputs"].keys() == set(shipped()["code-review"].inputs or {})
    assert (said["tier"], said["phases"]) == ("T0", ["PLAN", "EXECUTE"])


def test_one_without_a_program_says_where_its_stages_fail(capsys, monkeypatch):
    monkeypatch.setenv("MANDATE_TEMPLATES", str(DECLARED))
    templates.show("declared", as_json=False)

    assert "its stages fail at BOOTSTRAP" in capsys.readouterr().out


def test_one_of_another_runtime_says_who_does_the_work(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MANDATE_TEMPLATES", str(OUTSIDE))
    templates.show("outside-activity", as_json=False)
    text = capsys.readouterr().out
    environment.write(tmp_path, {"MANDATE_TEMPLATES": str(OUTSIDE)})
    listing.run(tmp_path, only_templates=True)
    work = "activity 'outside-work' of task queue 'outside-agents'"

    assert "runtime   activity\n" in text
    assert f"work      {work}, in no sandbox and without secrets\n" in text
    assert work in capsys.readouterr().out


def test_where_templates_lie_by_default_none_need_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pipelines = {"MANDATE_PIPELINES": f"{tmp_path}/some/pipelines"}
    named = {"MANDATE_TEMPLATES": f"{tmp_path}/named"}
    of_stacks = [environment.settings(tmp_path / "data", each) for each in ({}, pipelines)]

    for env in ({}, pipelines, *of_stacks):
        assert catalogue.templates(env).look().unseen == ()
    for env in (named, environment.settings(tmp_path / "data", named)):
        assert catalogue.templates(env).look().unseen == (
            f"{tmp_path}/named cannot be listed: No such file or directory",
        )


def test_an_unknown_name_is_told_the_near_one(capsys):
    assert templates.show("defualt", as_json=False) == 2
    assert capsys.readouterr().err == (
        "mandate template show: no template is named 'defualt': did you mean 'default'?\n"
    )
