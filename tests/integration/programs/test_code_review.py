"""The program ``code-review``: SARIF, a baseline, and semgrep, with the real tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.programs.conftest import Answer, needs, path_of

BAD = "import subprocess\nsubprocess.run(input(), shell=True)\nprint(undefined)\n"
LEVELS = {"high": "error", "medium": "warning", "low": "note"}


@pytest.fixture
def code(workspace: Path) -> Path:
    (workspace / "src dir").mkdir()
    file = workspace / "src dir" / "bad.py"
    file.write_text(BAD)
    return file


def found(answer: Answer) -> list[dict[str, object]]:
    findings: list[dict[str, object]] = json.loads(answer.read("findings.json"))
    return findings


def test_sarif_says_what_the_findings_say(ask, code):
    answer = ask("code_review", "EXECUTE")
    document = json.loads(answer.read("review.sarif"))

    assert (document["version"], len(document["runs"])) == ("2.1.0", 2)
    told = []
    for run in document["runs"]:
        driver = run["tool"]["driver"]
        for result in run["results"]:
            (location,) = result["locations"]
            place = location["physicalLocation"]
            assert place["artifactLocation"] == {"uri": "src%20dir/bad.py", "uriBaseId": "SRCROOT"}
            assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
            assert "baselineState" not in result
            line = place["region"]["startLine"]
            told.append((driver["name"], result["ruleId"], line, result["level"]))
    findings = found(answer)
    assert sorted(told) == sorted(
        (each["tool"], each["rule"], each["line"], LEVELS[str(each["severity"])])
        for each in findings
    )
    assert "known" not in answer.output


def test_environments_of_python_are_not_reviewed(ask, workspace, code):
    for place in (".venv", "tools/ruff", ".tools/uv/deeper"):
        folder = workspace / place
        folder.mkdir(parents=True)
        (folder / "theirs.py").write_text(BAD)
    for place in ("tools/ruff", ".tools/uv"):
        (workspace / place / "pyvenv.cfg").write_text("home = /usr/bin\n")

    assert ask("code_review", "PLAN").output["files"] == 1


def test_of_too_many_findings_the_worst_are_listed_and_all_are_counted(ask, workspace, code):
    (workspace / "many.py").write_text("".join(f"x{n} = None == None\n" for n in range(10_500)))
    answer = ask("code_review", "EXECUTE", fail_on="high")

    listed, counted = found(answer), answer.result["output"]
    assert len(listed) == 10_000
    assert counted["findings"] == len(listed) + counted["unlisted"]
    assert counted["findings"] == sum(counted[each] for each in LEVELS)
    assert listed[0]["severity"] == "high"
    assert answer.result["status"] == "failed"
    assert f"{counted['unlisted']} milder ones are only counted" in answer.read("review.md")


@pytest.mark.parametrize("kept", ["findings.json", "review.sarif"])
def test_only_what_is_new_counts(ask, workspace, code, kept):
    before = ask("code_review", "EXECUTE")
    (workspace / "known").write_text(before.read(kept))
    code.write_text("# lines move\n\n" + BAD)
    same = ask("code_review", "EXECUTE", baseline="known", fail_on="low")
    assert same.output["findings"] == 0
    assert same.output["known"] == before.output["findings"] == len(found(same))

    code.write_text(BAD + "print(undefined)\n")
    more = ask("code_review", "EXECUTE", baseline="known", fail_on="high")
    assert more.result["status"] == "failed"
    assert more.result["output"]["findings"] == more.result["output"]["high"] == 1
    states = [
        result["baselineState"]
        for run in json.loads(more.read("review.sarif"))["runs"]
        for result in run["results"]
    ]
    assert (states.count("new"), states.count("unchanged")) == (1, before.output["findings"])
    assert "1 findings" in more.read("review.md")


def test_the_baseline_may_be_an_output_of_an_earlier_stage(ask, code):
    before = ask("code_review", "EXECUTE")
    given = {"main": before}

    assert (
        ask("code_review", "EXECUTE", given=given, baseline="main/findings.json").output["findings"]
        == 0
    )


@pytest.mark.parametrize("text", ["{no", "{}", "[1]", '{"runs": [{"results": [{}]}]}'])
def test_a_baseline_that_is_none_is_refused(ask, workspace, code, text):
    (workspace / "known").write_text(text)
    refused = ask("code_review", "EXECUTE", baseline="known")

    assert refused.status == 65
    assert "input `baseline`: 'known' cannot be read" in refused.error


def test_semgrep_that_is_not_there_is_named(ask, workspace, code):
    (workspace / "rules.yaml").write_text("rules: []\n")
    refused = ask("code_review", "PLAN", semgrep_rules="rules.yaml", environment={"PATH": "/no"})

    assert refused.status == 78
    assert "semgrep is not on the agent's PATH" in refused.error
    assert "there is no 'none'" in ask("code_review", "PLAN", semgrep_rules="none").error


@needs("semgrep")
def test_semgrep_goes_by_rules_of_the_workspace(ask, workspace, code):
    (workspace / "rules.yaml").write_text(
        "rules:\n"
        "  - id: no-input\n    languages: [python]\n    severity: ERROR\n"
        "    message: do not ask\n    pattern: input(...)\n"
    )
    answer = ask("code_review", "EXECUTE", semgrep_rules="rules.yaml", **path_of("semgrep"))

    mine = [each for each in found(answer) if each["tool"] == "semgrep"]
    assert [(each["rule"], each["severity"], each["line"]) for each in mine] == [
        ("no-input", "high", 2)
    ]
    runs = json.loads(answer.read("review.sarif"))["runs"]
    assert [run["tool"]["driver"]["name"] for run in runs] == ["ruff", "bandit", "semgrep"]
