"""The agents of a review, one after the other, and what a council makes of them."""

from __future__ import annotations

import importlib
import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsl.review.anomaly import AnomalySeverity
from dsl.review.decision import CouncilRuling
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.rules.gates.council import APPROVE, ESCALATE, Advice, Member
from dsl.rules.review.fingerprints import named
from dsl.rules.review.hearing import advise_on
from tests.fixtures.chat_server import answer, chat_server
from tests.integration.programs.conftest import TEMPLATES, Answer, Ask

CODE = {
    "unused.py": "import os\n\n\ndef size(text):\n    return len(text)\n",
    "bare.py": "def read(text):\n    try:\n        return int(text)\n"
    "    except:\n        return 0\n",
    "shell.py": "import subprocess\n\n\ndef run(given):\n"
    "    return subprocess.run(given, shell=True)\n",
}
WEIGHTS = {"architect": 3, "security": 3, "reliability": 2, "cost": 1}
CHECK = "python3 -c 'import unused, bare'"


@pytest.fixture
def suggested(ask: Ask, workspace: Path) -> Answer:
    for name, text in CODE.items():
        (workspace / name).write_text(text)
    seen = [
        sighting("unused.py", 1, AnomalyKind.DEAD_CODE, "ruff", "F401"),
        sighting("shell.py", 5, AnomalyKind.SECURITY, "bandit", "B602"),
    ]
    return ask("review/suggester", "EXECUTE", given={"watch": watched(workspace, seen)})


def sighting(path: str, line: int, kind: AnomalyKind, tool: str, rule: str) -> Sighting:
    severity = AnomalySeverity.LOW if kind is AnomalyKind.DEAD_CODE else AnomalySeverity.HIGH
    return Sighting(kind, severity, 0.9, path, line, "it is so", tool, rule)


def watched(workspace: Path, seen: list[Sighting]) -> Answer:
    """What a watcher would have left, without the time that its tools take."""
    folder = workspace.parent / "watched"
    folder.mkdir()
    said = [each.model_dump(mode="json") for each in named(seen)]
    (folder / "anomalies.json").write_text(json.dumps(said))
    left = {"type": "artifact", "name": "anomalies.json", "path": "anomalies.json"}
    return Answer(0, [left], "", folder, {})


def member(name: str, output: dict[str, Any]) -> Member:
    sure = 0.5 if name == "cost" else 0.8
    return Member(name, WEIGHTS.get(name, 0), sure, True, output)


def judged(ask: Ask, suggested: Answer, *roles: str) -> Advice:
    panel = [
        member(
            role,
            ask(
                "review/suggestion_reviewer", "EXECUTE", given={"suggest": suggested}, role=role
            ).output,
        )
        for role in roles
    ]
    return advise_on(member("suggest", suggested.output), panel, quorum=3)


def rulings(advice: Advice) -> dict[str, tuple[str, str]]:
    return {
        each.suggestion.rpartition("-")[0]: (each.ruling.value, each.rule.value)
        for each in advice.decisions
    }


def test_a_council_decides_what_was_found_suggested_and_tried(ask, workspace):
    for name, text in CODE.items():
        (workspace / name).write_text(text)
    seen = ask("review/bug_watcher", "EXECUTE")
    suggested = ask("review/suggester", "EXECUTE", given={"watch": seen}, checks=CHECK)
    advice = judged(ask, suggested, *WEIGHTS)

    assert advice.verdict == ESCALATE
    assert rulings(advice) == {
        "remove-unused-import": ("auto-approve", "all-in-favour"),
        "narrow-except": ("auto-approve", "all-in-favour"),
        "close-hole": ("human", "high-risk"),
    }
    patches = [each["patch"] for each in json.loads(suggested.read("suggestions.json"))]
    assert sum(map(bool, patches)) == 2


def test_it_decides_the_same_in_twenty_runs(ask, suggested):
    said = {
        role: ask(
            "review/suggestion_reviewer", "EXECUTE", given={"suggest": suggested}, role=role
        ).output
        for role in WEIGHTS
    }
    orders = list(itertools.permutations(WEIGHTS))[:20]
    runs = [
        advise_on(
            member("suggest", suggested.output),
            [member(role, said[role]) for role in order],
            quorum=3,
        )
        for order in orders
    ]

    assert len(runs) == 20
    assert len({json.dumps(rulings(each), sort_keys=True) for each in runs}) == 1


def test_language_models_sit_on_the_council_as_they_are(ask, suggested, workspace):
    names = [each["id"] for each in suggested.output["suggestions"]]
    opinion = {"decision": "approve", "confidence": 0.9, "rationale": "worth it"}
    said = {"opinions": [{"suggestion": name, **opinion} for name in names]}
    schema = {"type": "object", "required": ["opinions"]}
    with chat_server() as server:
        server.script = [answer(json.dumps(said))]
        spoken = ask(
            "llm",
            "EXECUTE",
            given={"suggest": suggested},
            endpoint=server.endpoint,
            model="tiny",
            prompt="What do you make of these?",
            attach="suggest/suggestions.json",
            schema=json.dumps(schema),
        )
        (heard,) = server.heard
    advice = advise_on(
        member("suggest", suggested.output), [member("architect", spoken.output)], quorum=3
    )

    assert names[0] in json.dumps(heard)
    found = {each.suggestion: each.ruling for each in advice.decisions}
    assert CouncilRuling.AUTO_APPROVE in found.values()
    assert [found[name] for name in names if name.startswith("close-hole")] == [CouncilRuling.HUMAN]


def test_what_was_answered_before_is_not_suggested_again(ask, workspace, suggested):
    """A finding is known, not the suggestion that it was a part of."""
    (workspace / "unused.py").write_text("import os\nimport sys\n")
    new = sighting("unused.py", 2, AnomalyKind.DEAD_CODE, "ruff", "F401")
    again = json.loads((suggested.directory.parent / "watched/anomalies.json").read_text())
    again += [each.model_dump(mode="json") for each in named([replace(new, mark="import sys")])]
    (suggested.directory.parent / "watched/anomalies.json").write_text(json.dumps(again))
    left = [{"type": "artifact", "name": "anomalies.json", "path": "anomalies.json"}]
    seen = Answer(0, left, "", suggested.directory.parent / "watched", {})

    known = suggested.output["known"]
    second = ask("review/suggester", "EXECUTE", given={"watch": seen}, known=json.dumps(known))

    assert len(known) == 2
    (only,) = json.loads(second.read("suggestions.json"))
    assert only["place"]["line"] == 2
    assert set(known) < set(second.output["known"])


def test_where_nothing_is_wrong_there_is_nothing_to_decide(ask, workspace):
    said = ask("review/suggester", "EXECUTE", given={"watch": watched(workspace, [])})

    assert said.output["suggestions"] == []
    assert judged(ask, said, "architect").verdict == APPROVE


def test_bad_input_is_refused_for_good(ask, workspace, suggested):
    nothing = ask("review/suggester", "EXECUTE")
    no_python = ask("review/bug_watcher", "EXECUTE", path="nowhere")
    (suggested.directory / "suggestions.json").write_text('[{"id": "x"}]')
    no_list = ask(
        "review/suggestion_reviewer", "EXECUTE", given={"suggest": suggested}, role="cost"
    )

    assert (nothing.status, no_python.status, no_list.status) == (65, 65, 65)
    assert "anomalies.json" in nothing.error
    assert "no list of suggestions" in no_list.error


NO_COUNTS = '{"split-file": [%s, 2]}'


@pytest.mark.parametrize(
    "learned",
    [
        *("[]", "{no", '{"unknown": [1, 2]}', '{"split-file": 7}', "[" * 5_000),
        *(NO_COUNTS % each for each in ("Infinity", "1e999", "NaN", "9" * 5_000)),
    ],
)
def test_what_was_learned_has_a_form(ask, workspace, learned):
    given = {"watch": watched(workspace, [])}
    said = ask("review/suggester", "EXECUTE", given=given, learned=learned)

    assert said.status == 65
    assert "learned" in said.error


@pytest.mark.parametrize("checks", ["'", "true \\"])
def test_checks_that_are_no_command_are_refused(ask, workspace, checks):
    said = ask(
        "review/suggester", "EXECUTE", given={"watch": watched(workspace, [])}, checks=checks
    )

    assert said.status == 65
    assert "is no command" in said.error


def test_checks_are_refused_where_there_is_no_sandbox(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(TEMPLATES))
    suggester = importlib.import_module("integrations.agents.templates.review.suggester")
    monkeypatch.setattr(suggester.landlock, "abi", lambda: 0)

    assert suggester.checks_of({"checks": ""}) == []
    with pytest.raises(SystemExit) as ended:
        suggester.checks_of({"checks": "true"})
    assert ended.value.code == os.EX_CONFIG
    assert "only in a sandbox" in capsys.readouterr().err
