"""``mandate agent check``: it finds every planted fault, and nothing in a program without one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from integrations.agents.conformance.findings import MENDS
from mandate.cli import app
from tests.docs.blocks import ROOT, blocks_of
from tests.fixtures.servers.bun import bun

FAULTY = ROOT / "tests" / "fixtures" / "agents" / "faulty.py"
EXAMPLES = {
    each.language: each.text
    for each in blocks_of(ROOT / "docs" / "agent-protocol.md")
    if each.language in {"python", "typescript", "shell"}
}
LINES_MAX = 30
TIMEOUT_S = 60  # of programs that end by themselves: as long as a busy machine takes to start one
# Of those that do not, which are waited for so long.
HANGS_S = {"hangs": 1, "waits-for-the-end-of-stdin": 3, "waits-on": 3}

# By fault: the rule it breaks, and what is said of it.
TOGETHER = {
    "prints-text": ("stdout", "'hello, I am at work'"),
    "prints-json-that-is-no-message": ("stdout", '"msg": "at work"'),
    "unknown-type": ("message", "'artefact' is not known"),
    "log-without-a-message": ("message", "log.message: it is missing"),
    "progress-is-a-number": ("message", "progress.message: "),
    "key-twice": ("json", 'the key "name" is there twice'),
    "no-artifact": ("artifact", "No such file or directory: 'bye.txt'"),
    "artifact-by-absolute-path": ("artifact", "must be a path from the private directory on"),
    "artifact-with-a-reserved-name": ("artifact", "'report.md' is reserved"),
    "artifact-is-a-link": ("artifact", "'link.txt' is behind a symbolic link"),
    "no-media-type": ("artifact", "'text' is no media type"),
    "logs-its-secret": ("secret", "stands in stdout and stderr"),
    "secret-on-stderr": ("secret", "stands in stdout and stderr"),
    "leaves-a-process": ("leftovers", "processes it had started went on"),
    "output-is-a-list": ("result", "result.output: "),
    "two-results": ("one-result", "a result comes after the result"),
    "exits-with-1": ("exit-status", "exited with 1 after its result"),
    "takes-any-version": ("version", 'asked with "v": 2'),
    "refuses-what-it-does-not-know": ("unknown-fields", "it exited with 65"),
    "crashes-without-inputs": ("inputs", "it exited with 1, with no result"),
    "crashes-when-clarified": ("clarification", "it exited with 1, with no result"),
    "ignores-sigterm": ("sigterm", "was killed"),
}
# Those after which nothing more of the program is heard, or seen in the same run.
ALONE = {
    "waits-for-the-end-of-stdin": ("first-line", "ended only when stdin was closed"),
    "hangs": ("ends", "had not ended after 1 s"),
    "line-too-long": ("limits", "a line is longer than 1048576 bytes"),
    "not-a-number": ("json", "NaN is no number of JSON"),
    "result-over-lines": ("json", "alone on one line"),
    "no-result": ("one-result", "ended with 0 and without a result"),
    "talks-on": ("one-result", "a log comes after the result"),
    "status-of-its-own": ("result", "expected 'ok' or 'failed'"),
    "output-too-large": ("result", "put it into an artifact"),
    "asks-what-nobody-can-answer": ("message", "question.text: expected at least 1 character"),
    "waits-on": ("answer", "it was answered on stdin, and had not ended after 3 s"),
    "asks-again-when-answered": ("answer", "'region', and is answered, and asks it again"),
    "asks-whatever-it-is-told": ("answer", "asks 'region', of which its request has the answer"),
    "reads-too-little": ("unknown-fields", "in a line of 256 KiB"),
}


def check(*words: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return the exit code, what was found by rule, and all that was printed."""
    done = CliRunner().invoke(app, ["agent", "check", "--json", *words])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    findings = [found for line in lines for found in line["findings"]]
    assert all(found["mend"] == MENDS[found["rule"]] for found in findings)
    return done.exit_code, [(each["rule"], each["seen"]) for each in findings], done.output


def test_every_planted_fault_of_one_program_is_found():
    code, found, _ = check(
        *("--timeout", str(TIMEOUT_S), "--input", "name=Ann", "--", "python3", str(FAULTY)),
        *TOGETHER,
    )

    missed = [
        fault
        for fault, (rule, seen) in TOGETHER.items()
        if not any(rule == each and seen in said for each, said in found)
    ]
    assert (code, missed) == (1, [])
    assert len(found) == len(TOGETHER)  # the secret is told once, the list twice


@pytest.mark.parametrize("fault", ALONE)
def test_a_planted_fault_is_found(fault):
    rule, seen = ALONE[fault]

    code, found, _ = check(
        *("--timeout", str(HANGS_S.get(fault, TIMEOUT_S)), "--input", "name=Ann"),
        *("--", "python3", str(FAULTY), fault),
    )

    assert code == 1
    assert any(rule == each and seen in said for each, said in found), found
    others = {each for each, _ in found} - {rule}
    assert others <= ({"stdout"} if fault == "result-over-lines" else set())


@pytest.mark.parametrize("asks", ["asks", "asks-and-ends"])
def test_a_program_that_asks_is_answered_and_goes_on(asks):
    code, found, printed = check("--input", "name=Ann", "--", "python3", str(FAULTY), asks)

    assert (code, found) == (0, []), printed
    assert "result ok, exit 0" in printed


def example(language: str, folder: Path) -> list[str]:
    """Write an example down, as a person would; return how it is called."""
    suffix = {"python": ".py", "typescript": ".ts", "shell": ".sh"}[language]
    file = folder / f"greet{suffix}"
    file.write_text(EXAMPLES[language])
    if language == "python":
        return ["python3", str(file)]
    if language == "typescript":
        program = bun()
        if program is None:
            pytest.skip("bun is not here: make tools, with npm")
        return [str(program), str(file)]
    if shutil.which("jq") is None:
        pytest.skip("jq is not here: apt-get install jq")
    return ["sh", str(file)]


@pytest.mark.parametrize("language", sorted(EXAMPLES))
def test_an_example_keeps_the_contract(language, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = example(language, tmp_path)

    code, found, printed = check("--input", "name=Ann", "--", *words)

    assert (code, found) == (0, []), printed
    assert "EXECUTE" in printed
    assert len(EXAMPLES[language].splitlines()) <= LINES_MAX


@pytest.mark.parametrize("template", ["default", "code-review"])
def test_a_template_of_ours_is_checked_as_its_stages_start_it(template, tmp_path, monkeypatch):
    (tmp_path / "code.py").write_text("import os\n")
    monkeypatch.chdir(tmp_path)

    code, found, printed = check("--template", template, "--timeout", "60")

    assert (code, found) == (0, []), printed
    assert ("PLAN" in printed) is (template == "code-review")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--", "no-such-program"], "'no-such-program' is not there"),
        (["--", str(ROOT / "README.md")], "is not executable"),
        ([], "expected --template NAME, or a command"),
        (["--template", "default", "--", "sh"], "expected --template NAME, or a command"),
        (["--template", "nowhere"], "no template 'nowhere'"),
        (["--input", "name", "--", "sh"], "expected --input NAME=VALUE"),
    ],
)
def test_what_cannot_be_checked_is_said(words, sentence):
    done = CliRunner().invoke(app, ["agent", "check", *words])

    assert done.exit_code == 2
    assert sentence in done.output
