"""The program ``council-member``: rules over outputs, as a council hears them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs.conftest import Answer, Ask

HIGH = {"severity": "high"}
LOW = {"severity": "low"}


@pytest.fixture
def member(ask: Ask, tmp_path: Path) -> Any:
    """Ask a member about outputs, by ``<stage>/<name>``."""

    def member(outputs: dict[str, Any], **inputs: Any) -> Answer:
        given: dict[str, Answer] = {}
        for path, value in outputs.items():
            stage, name = path.split("/")
            folder = tmp_path / "outputs" / stage
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))
            left = given.setdefault(stage, Answer(0, [], "", folder, {}))
            left.messages.append({"type": "artifact", "name": name, "path": name})
        return ask("council_member", "EXECUTE", given=given, **inputs)

    return member


@pytest.mark.parametrize(
    ("outputs", "inputs", "expected", "rationale"),
    [
        ({"a/findings.json": [LOW]}, {}, ("approve", 1.0), "medium findings holds"),
        ({"a/findings.json": [HIGH]}, {}, ("reject", 1.0), "1 where max is 0 in a/findings.json"),
        ({"a/findings.json": [HIGH]}, {"high_max": 1}, ("approve", 1.0), "high findings holds"),
        (
            {"a/findings.json": [], "b/findings.json": [HIGH, HIGH]},
            {"high_max": 1},
            ("reject", 1.0),
            "2 where max is 1 in b/findings.json",
        ),
        ({"plan/changes.json": {"destroy": 0}}, {}, ("approve", 1.0), "resources destroyed holds"),
        ({"plan/changes.json": {"destroy": 2}}, {}, ("reject", 1.0), "2 where max is 0"),
        ({"plan/changes.json": {"destroy": True}}, {}, ("reject", 0.0), "cannot be judged"),
        ({"a/findings.json": "{no json"}, {}, ("reject", 0.0), "cannot be judged"),
        ({"a/findings.json": "7"}, {}, ("reject", 0.0), "no list of objects"),
        ({"a/other.txt": "x"}, {}, ("reject", 0.0), "there is nothing to judge by"),
        ({}, {}, ("reject", 0.0), "there is nothing to judge by"),
    ],
)  # fmt: skip
def test_shipped_rules(member, outputs, inputs, expected, rationale):
    output = member(outputs, **inputs).output

    assert (output["decision"], output["confidence"]) == expected
    assert rationale in output["rationale"]


RULES = [
    {"name": "tests pass", "artifact": "test/report.txt", "contains": "PASSED", "lacks": "FAILED"},
    {"name": "few files", "artifact": "*/execute.json", "pointer": "/output/files", "max": 10},
    {
        "name": "right branch",
        "artifact": "*/execute.json",
        "pointer": "/output/a~1b",
        "equals": "x",
    },
    {"name": "some tests", "artifact": "*/execute.json", "pointer": "/output/ran/0", "min": 1},
]
GOOD = {"output": {"files": 3, "a/b": "x", "ran": [4]}}


@pytest.fixture
def own_rules(member: Any, workspace: Path) -> Any:
    """Ask a member that has these rules."""
    (workspace / "rules.json").write_text(json.dumps({"rules": RULES}))
    return lambda outputs: member(outputs, rules_file="rules.json")


@pytest.mark.parametrize(
    ("report", "account", "expected", "rationale"),
    [
        ("12 PASSED", GOOD, ("approve", 1.0), "tests pass holds"),
        ("12 PASSED, 1 FAILED", GOOD, ("reject", 1.0), "tests pass: 'FAILED' in test/report.txt"),
        ("", GOOD, ("reject", 1.0), "no 'PASSED'"),
        (None, GOOD, ("approve", 0.75), "tests pass: no output test/report.txt"),
        (None, {"output": {"files": 3}}, ("approve", 0.25), "cannot be judged"),
        (None, {"output": {"files": 11}}, ("reject", 1.0), "11 where max is 10"),
        (None, {"output": {"a/b": 1}}, ("reject", 1.0), "1, not 'x',"),
        (None, {"output": {"ran": [0]}}, ("reject", 1.0), "0 where min is 1"),
    ],
)
def test_rules_of_ones_own(own_rules, report, account, expected, rationale):
    outputs = {"look/execute.json": account}
    if report is not None:
        outputs["test/report.txt"] = report
    answer = own_rules(outputs)

    assert (answer.output["decision"], answer.output["confidence"]) == expected
    assert rationale in answer.output["rationale"]
    assert len(json.loads(answer.read("opinion.json"))) == len(RULES)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([], "expected 1 to 100 rules"),
        ([{"name": "x", "artifact": "*"}], "rule 1 needs one of max, min"),
        ([{"name": "x", "artifact": "*", "maximum": 1}], "and nothing else"),
        ([{"name": "x", "artifact": "*", "max": "1"}], "needs a number as `max`"),
        ([{"name": "x", "artifact": "*", "lacks": 1}], "needs a text as `lacks`"),
        ([{"artifact": "*", "max": 1}], "needs a text as `name`"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused(member, workspace, rules, told):
    (workspace / "rules.json").write_text(json.dumps({"rules": rules}))
    refused = member({}, rules_file="rules.json")

    assert refused.status == 65
    assert told in refused.error
