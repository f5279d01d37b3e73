"""The commands that need no server, typed as a person types them."""

from __future__ import annotations

import json
from typing import Any

import pytest

import mandate as package
from mandate.commands.run.runs import SHOWN_MAX
from mandate.people.runs import RUNS_MAX
from mandate.work.look import validate
from tests.fixtures.servers.valkey import free_port
from tests.unit.mandate.programs import ROOT, mandate

GOOD = """\
name: tidy
version: "1.0"
stages:
  - name: look
    type: agent
    template: default
  - name: review
    type: gate
    requires: [look]
    config: {approvers: ["team-lead"]}
"""
BAD = """\
name: tidy
version: "1.0"
stages:
  - name: look
    type: agent
    template: default
    config: {timeuot: 5m}
  - name: review
    type: gate
    requires: [lok]
    config: {approvers: ["team-lead"], timeout: 90}
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_the_version_is_printed(tmp_path):
    said = mandate("--version", cwd=tmp_path)

    assert (said.returncode, said.stdout) == (0, f"mandate {package.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["validate"], ["up", "--vault-port", "65536"], ["ledger", "tail", "-n", "0"]],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(tmp_path, arguments):
    said = mandate(*arguments, cwd=tmp_path)

    assert said.returncode == 2
    assert "Traceback" not in said.stderr


def test_a_variable_that_no_command_can_use_is_one_sentence(tmp_path):
    env = {"MANDATE_AGENT_PATH": "bin"}
    said = mandate("template", "show", "default", cwd=tmp_path, env=env)

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "mandate: MANDATE_AGENT_PATH: expected absolute directories, got 'bin'\n"
    )


def test_a_good_document_is_ok_and_its_digest_is_told(files):
    said = mandate("validate", "good.yaml", cwd=files)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "good.yaml: ok: tidy 1.0, digest sha256:" in said.stdout
    assert "register" not in said.stdout


def test_a_plan_that_has_to_be_registered_is_said_to_need_that():
    example = ROOT / "dsl" / "examples" / "production-change.yaml"
    verdict = validate.check(example)
    line = f"{example}: T3 only once somebody has registered it: mandate register {example}"

    assert verdict.errors == 0
    assert verdict.lines[-1] == line
    assert verdict.record["needs_registration"] is True


def test_what_an_agent_may_call_is_told_in_words(tmp_path):
    rule = "{server: pay, tool: refund, policy: allow, when: args.amount < 5}"
    stage = f"{{name: a, type: agent, template: default, config: {{tools: [{rule}]}}}}"
    file = tmp_path / "pay.yaml"
    file.write_text(f'name: pay\nversion: "1"\nstages: [{stage}]\n')
    verdict = validate.check(file)

    assert verdict.lines[1:] == (
        f"{file}: stage a may call:",
        "    1. pay/refund where args.amount < 5: called",
        "    all else is denied, and so is a call for which a condition has no value",
    )
    assert list(verdict.record["tools"]) == ["a"]


def test_every_mistake_is_told_at_once_with_place_caret_and_hint(files):
    said = mandate("validate", "bad.yaml", cwd=files)

    assert said.returncode == 2
    assert "bad.yaml:7:" in said.stdout
    assert "timeuot" in said.stdout
    assert "bad.yaml:11:" in said.stdout
    assert "    ^" in said.stdout or " ^" in said.stdout
    assert "hint: did you mean 'timeout'?" in said.stdout
    assert "refused: 3 errors" in said.stdout


def test_one_bad_file_does_not_hide_the_verdict_on_the_others(files):
    said = mandate("validate", "missing.yaml", "bad.yaml", "good.yaml", cwd=files)

    assert said.returncode == 2
    assert "missing.yaml: cannot be read: No such file or directory" in said.stdout
    assert "good.yaml: ok" in said.stdout
    assert said.stdout.endswith("3 files, 2 refused, 4 errors\n")


def test_what_is_no_text_is_refused_without_a_traceback(files):
    (files / "noise.yaml").write_bytes(b"\xff\xfe\x00name")
    said = mandate("validate", "noise.yaml", cwd=files)

    assert (said.returncode, said.stderr) == (2, "")


def test_the_catalogue_lists_our_examples_and_the_directories_of_the_user(files):
    (files / "bad.yaml").unlink()
    said = mandate("list", cwd=files, env={"MANDATE_PIPELINES": str(files)})
    pipelines, _, templates = said.stdout.partition("\n\n")
    rows = {line.split()[0]: line.split() for line in pipelines.splitlines()}

    assert (said.returncode, said.stderr) == (0, "")
    assert templates.startswith("TEMPLATE")
    assert rows["tidy"][1:3] == ["1.0", "2"]
    assert rows["tidy"][4] == str(files / "good.yaml")
    assert {"NAME", "code-review", "infrastructure-deploy"} <= set(rows)


def test_a_refused_document_is_listed_with_the_command_that_says_why(files):
    said = mandate("list", cwd=files, env={"MANDATE_PIPELINES": str(files)})

    row = next(line for line in said.stdout.splitlines() if line.startswith("tidy "))
    assert row.split() == [
        "tidy",
        "-",
        "-",
        "refused",
        "(3)",
        "mandate",
        "validate",
        f"{files}/bad.yaml",
    ]
    assert f"{files / 'good.yaml'}: warning: pipeline 'tidy' is hidden by" in said.stderr


def test_a_pipeline_can_be_drawn_by_name_and_from_a_file(files):
    tree = mandate("graph", "good.yaml", cwd=files)
    chart = mandate("graph", "--format", "mermaid", "code-review", cwd=files)
    picture = mandate("graph", "--format", "svg", "good.yaml", cwd=files)
    kept = mandate("graph", "--format", "svg", "good.yaml", "-o", "good.svg", cwd=files)
    again = mandate("graph", "good.yaml", "-o", "good.svg", cwd=files)

    assert tree.returncode == chart.returncode == picture.returncode == kept.returncode == 0
    assert picture.stdout.startswith("<svg ")
    assert (files / "good.svg").read_text() == picture.stdout
    assert (again.returncode, again.stdout) == (2, "")
    assert "good.svg is there already" in again.stderr
    assert "look" in tree.stdout
    assert "review" in tree.stdout
    assert chart.stdout.startswith("flowchart TD\n")


def test_a_drawing_nobody_knows_is_refused_with_those_there_are(files):
    said = mandate("graph", "good.yaml", "--format", "png", cwd=files)

    assert (said.returncode, said.stdout) == (2, "")
    assert "tree" in said.stderr
    assert "svg" in said.stderr


@pytest.mark.parametrize("pipeline", ["nope", "missing.yaml", "bad.yaml", "./nope"])
def test_what_cannot_be_drawn_is_exit_code_2_with_the_reason(files, pipeline):
    said = mandate("graph", pipeline, cwd=files)

    assert (said.returncode, said.stdout) == (2, "")
    assert pipeline.removeprefix("./") in said.stderr
    assert "Traceback" not in said.stderr


def test_the_schema_is_the_shipped_one(tmp_path):
    said = mandate("schema", cwd=tmp_path)
    schema = json.loads(said.stdout)

    assert said.returncode == 0
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_ledger_that_is_not_there_is_a_failure_by_name(tmp_path):
    for command in ("verify", "tail"):
        said = mandate("ledger", command, cwd=tmp_path)
        assert (said.returncode, said.stdout) == (2, "")
        assert ".mandate/ledger.db" in said.stderr
        assert "Traceback" not in said.stderr


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_verdict_on_documents_can_be_had_as_json(files):
    said = mandate("validate", "--json", "missing.yaml", "bad.yaml", "good.yaml", cwd=files)
    missing, bad, good = json_lines(said.stdout)

    assert said.returncode == 2
    assert missing == {
        "file": "missing.yaml",
        "ok": False,
        "error": "No such file or directory",
    }
    first, unknown, second = bad["problems"]
    assert (unknown["line"], unknown["code"]) == (10, "DSL303")
    assert (first["line"], first["severity"], first["hint"]) == (
        7,
        "error",
        "did you mean 'timeout'?",
    )
    assert second["code"].startswith("DSL")
    assert (good["ok"], good["name"], good["version"]) == (True, "tidy", "1.0")
    assert str(good["digest"]).startswith("sha256:")


def test_the_catalogue_can_be_had_as_json(files):
    said = mandate("list", "--json", cwd=files, env={"MANDATE_PIPELINES": str(files / "none")})
    rows = {row["name"]: row for row in json_lines(said.stdout)}

    assert rows["production-change"].keys() == {
        *("kind", "name", "source", "version", "stages", "digest")
    }
    assert {row["kind"] for row in rows.values()} == {"pipeline", "template"}


def test_what_the_doctor_finds_can_be_had_as_json(tmp_path):
    said = mandate("doctor", "--json", cwd=tmp_path)
    found = {row["name"]: row for row in json_lines(said.stdout)}

    assert said.returncode == 1
    assert found["python"]["ok"] is True
    assert (found["sqlite"]["ok"], found["sqlite"]["detail"].count("SQLite ")) == (True, 1)
    assert found["temporal"]["ok"] is False
    assert "mandate up" in found["temporal"]["fix"]


@pytest.mark.parametrize(
    "command",
    [[], ["run"], ["gates"], ["runs"], ["ledger"], ["ledger", "verify"], ["agent", "show"]],
)
def test_help_has_a_short_name_everywhere(tmp_path, command):
    short, long = (mandate(*command, word, cwd=tmp_path) for word in ("-h", "--help"))

    assert (short.returncode, short.stdout) == (0, long.stdout)


@pytest.mark.parametrize(
    "words",
    [
        ["show", "run-\udcff"],
        ["run", "code-review", "--id", "run-\udcff"],
        ["run", "code-review", "--input", "path=\udcff"],
        ["revoke", "an-agent", "--reason", "\udcff"],
        ["tools", "check", "\udcff"],
    ],
    ids=lambda words: " ".join(words[:-1]),
)
def test_bytes_that_are_no_text_are_refused_before_a_server_is_asked(tmp_path, words):
    said = mandate(*words, cwd=tmp_path)

    assert (said.returncode, said.stdout) == (2, "")
    assert "expected text in UTF-8, got '" in said.stderr
    assert "\\udcff" in said.stderr


@pytest.mark.parametrize("command", ["runs", "gates", "watch", "cancel", "pause", "resume"])
def test_a_server_that_is_not_there_is_told_in_one_sentence(tmp_path, command):
    words = [command] if command in ("runs", "gates") else [command, "some-run"]
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    said = mandate(*words, cwd=tmp_path, env=nowhere)
    (line,) = said.stderr.splitlines()

    assert (said.returncode, said.stdout) == (1, "")
    assert line.startswith(f"mandate {command}: no answer from Temporal at 127.0.0.1:")
    assert line.endswith("(Connection refused); is `mandate up` running?")


def test_the_limit_of_the_list_of_runs_is_that_of_the_library():
    assert SHOWN_MAX == RUNS_MAX
