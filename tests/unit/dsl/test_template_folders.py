"""Templates that people bring: what a file may say, and what becomes of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsl.compiler import compile_text
from dsl.errors import DslError
from dsl.plan import AgentStep, SandboxPlan
from dsl.template_folders import SHIPPED, TemplateFolders

TRIAGE = """\
name: triage
description: sorts alerts
tier: T1
program: ./triage.py
interpreter: sh
files: [rules.json, lib]
phases: [PLAN, EXECUTE]
timeout: 10m
produces: [findings.json]
requires_tools:
  - {any_of: [tofu, terraform], install: get one}
sandbox: {read: [/opt/triage], tcp: [443], memory_mb: 64, cpu_s: 5}
"""
PIPELINE = """\
name: p
version: "1"
stages:
  - {name: look, type: agent, template: triage%s}
"""


def put(folder: Path, text: str = TRIAGE, name: str = "triage") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    return folder


def refusal(*folders: Path) -> str:
    """Return why the template cannot be used, as the author of a pipeline is told."""
    with pytest.raises(DslError) as caught:
        compile_text(PIPELINE % "", "p.yaml", TemplateFolders(folders).look())
    [problem] = caught.value.problems
    assert problem.code == "DSL331"
    return problem.message


def step(folder: Path, more: str = "") -> AgentStep:
    compiled = compile_text(PIPELINE % more, "p.yaml", TemplateFolders([folder]).look())
    [found] = compiled.plan.steps
    assert isinstance(found, AgentStep)
    return found


def test_a_plan_pins_what_a_run_needs_of_it(tmp_path):
    found = step(put(tmp_path))

    assert (found.program, found.phases, found.timeout_ms) == (
        "triage",
        ("PLAN", "EXECUTE"),
        600_000,
    )
    assert found.produces == ("findings.json",)
    assert found.sandbox == SandboxPlan(tcp=(443,), memory_mb=64, cpu_s=5)


def test_a_stage_says_otherwise_of_its_sandbox(tmp_path):
    found = step(put(tmp_path), ", config: {sandbox: {tcp: [], memory_mb: 32}}")

    assert found.sandbox == SandboxPlan(memory_mb=32, cpu_s=5)


def test_who_writes_a_pipeline_opens_no_file_of_the_machine(tmp_path):
    with pytest.raises(DslError, match="unknown field 'read'"):
        step(put(tmp_path), ", config: {sandbox: {read: [/etc]}}")


def test_what_is_not_declared_stands_in_no_canonical_form(tmp_path):
    plain = "name: triage\ndescription: d\ntier: 0\nprogram: ./t\nphases: [EXECUTE]\n"
    written = step(put(tmp_path, plain)).model_dump(mode="json")

    assert "produces" not in written
    assert "cpu_s" not in written["sandbox"]


WRONG = {
    "program: ./triage.py": {
        "program: ../triage.py": "program '../triage.py': expected a path from the template's file",
        "program: /opt/triage.py": "expected a path from the template's file on",
        "program: ./.hidden": "without '..' and not hidden",
        "program: ''": "expected a path from the template's file on",
        "program: [a]": "program: expected text, got a list",
        "programme: ./t": "unknown field 'programme' (did you mean 'program'?)",
    },
    "interpreter: sh": {
        "interpreter: bin/sh": "expected python, the name of a program such as sh",
        "interpreter: []": "at least 1 item",
        "interpreter: 3": "interpreter: expected a list",
    },
    "phases: [PLAN, EXECUTE]": {
        "phases: [EXECUTE, PLAN]": "expected EXECUTE and any of PLAN, EXECUTE, VERIFY",
        "phases: [RUN]": "got 'RUN'",
    },
    "read: [/opt/triage]": {
        "read: [opt]": "expected an absolute path, such as /opt/triage",
        "read: [/proc/1]": "'/proc/1' cannot be opened",
        "read: [/opt/../etc]": "without '..' and outside of /proc",
        "read: [/]": "expected an absolute path",
    },
    "any_of: [tofu, terraform]": {
        "any_of: []": "expected either any_of: with executables, or distribution:",
        "any_of: [a/b]": "expected a bare name, such as terraform",
    },
    "name: triage": {
        "name: other": "name: expected 'triage', as the file is called, got 'other'",
        "name: Triage": "expected lower-case letters",
    },
    "produces: [findings.json]": {"produces: [../x]": "expected the name of a file"},
}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [(right, wrong, said) for right, each in WRONG.items() for wrong, said in each.items()],
)
def test_what_is_wrong_with_it_is_said_where_it_is_named(tmp_path, right, wrong, said):
    assert right in TRIAGE
    told = refusal(put(tmp_path, TRIAGE.replace(right, wrong)))

    assert told.startswith(f"template 'triage' cannot be used: {tmp_path}/triage.yaml: ")
    assert said in told


def test_two_of_one_name_are_refused_and_both_are_named(tmp_path):
    one, two = put(tmp_path / "one"), put(tmp_path / "two")

    assert refusal(one, two) == (
        "template 'triage' cannot be used: two templates have that name, "
        f"{one}/triage.yaml and {two}/triage.yaml: rename one of them"
    )


def test_so_are_two_of_which_one_is_wrong(tmp_path):
    told = refusal(put(tmp_path / "one"), put(tmp_path / "two", "name: triage"))

    assert f"{tmp_path}/one/triage.yaml has the same name" in told


def test_nobody_takes_the_name_of_a_shipped_one(tmp_path):
    view = TemplateFolders([put(tmp_path, TRIAGE.replace("triage", "default"), "default")]).view()

    assert "default" not in view.files
    assert f"and {SHIPPED} comes with Mandate: rename one of them" in view.refused["default"]


def test_one_that_is_wrong_hides_no_other(tmp_path):
    put(tmp_path, "{{- range .Values }}", "deployment")
    put(tmp_path, TRIAGE, "triage")
    (tmp_path / "NOTES.yaml").write_text("a: 1")
    view = TemplateFolders([tmp_path]).view()

    assert {"triage", "default"} <= set(view.files)
    assert set(view.refused) == {"deployment"}
    assert [path.name for path, _ in view.problems] == ["NOTES.yaml"]


def test_a_directory_that_vanishes_takes_its_templates_and_says_so(tmp_path):
    folders = TemplateFolders([put(tmp_path / "mine")])
    before = folders.look()
    (tmp_path / "mine" / "triage.yaml").unlink()
    (tmp_path / "mine").rmdir()
    with pytest.raises(DslError) as caught:
        compile_text(PIPELINE % "", "p.yaml", folders.look())
    [problem] = caught.value.problems

    assert "triage" in before
    assert problem.code == "DSL306"
    assert f"{tmp_path}/mine cannot be listed: No such file or directory" in problem.hint


def test_a_usual_directory_that_is_not_there_says_nothing_and_one_that_cannot_be_read_does(
    tmp_path,
):
    usual, named = tmp_path / "usual", tmp_path / "named"
    folders = TemplateFolders([usual, named], usual=[usual])

    assert folders.look().unseen == (f"{named} cannot be listed: No such file or directory",)

    usual.write_text("no directory")
    named.mkdir()
    assert folders.look().unseen == (f"{usual} cannot be listed: Not a directory",)

    usual.unlink()
    put(usual)  # made later, it is looked into
    assert "triage" in folders.look()


def test_a_changed_file_is_read_again(tmp_path):
    folders = TemplateFolders([put(tmp_path)])
    first = folders.view().files["triage"]
    put(tmp_path, TRIAGE.replace("T1", "T2"))
    second = folders.view().files["triage"]

    assert (first.template.tier, second.template.tier) == (1, 2)
    assert first.digest != second.digest
