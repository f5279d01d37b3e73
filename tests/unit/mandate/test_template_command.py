"""``mandate template``: what is written works as it is, and nothing is written over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mandate.commands.template import LANGUAGES
from tests.unit.mandate.programs import mandate

RUNTIMES = {
    "python": [sys.executable, "{}"],
    "shell": ["sh", "{}"],
    "typescript": ["bun", "test", "{}"],
}
NEEDED = {"python": "sh", "shell": "jq", "typescript": "bun"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_written_compiles_and_its_test_passes(tmp_path: Path, language: str):
    written = mandate("template", "new", "triage", "--language", language, cwd=tmp_path)
    checked = mandate("validate", "pipelines/triage.yaml", cwd=tmp_path)
    test = tmp_path / "templates" / LANGUAGES[language].test.format("triage")

    assert written.returncode == 0, written.stderr
    assert "run      mandate run pipelines/triage.yaml --wait" in written.stdout
    assert "pipelines/triage.yaml: ok: triage 1" in checked.stdout
    assert "NAME" not in "".join(each.read_text() for each in tmp_path.rglob("*.*"))
    if shutil.which(NEEDED[language]) is None:
        pytest.skip(f"this machine has no {NEEDED[language]}")
    words = [word.format(test) for word in RUNTIMES[language]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_written_over_and_then_nothing_is_written(tmp_path: Path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "triage.yaml").write_text("mine")
    said = mandate("template", "new", "triage", cwd=tmp_path)

    assert said.returncode == 2
    assert "pipelines/triage.yaml is there already" in said.stderr
    assert not (tmp_path / "templates").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("Triage",), "expected a name of lower-case letters"),
        (("../triage",), "expected a name of lower-case letters"),
        (("default",), "there is a template 'default' already"),
        (("triage", "--language", "cobol"), "expected --language python or typescript or shell"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, words: tuple[str, ...], why: str):
    said = mandate("template", "new", *words, cwd=tmp_path)

    assert (said.returncode, why in said.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_the_list_tells_what_is_wrong_with_the_rest(tmp_path: Path):
    mandate("template", "new", "triage", cwd=tmp_path)
    (tmp_path / "templates" / "broken.yaml").write_text("name: broken\nprogramme: x\n")
    (tmp_path / "templates" / "triage.py").unlink()
    said = mandate("template", "list", "--json", cwd=tmp_path)
    told = {each["name"]: each for each in map(json.loads, said.stdout.splitlines())}

    assert told["default"]["shipped"] is True
    assert "triage.py: no such file or directory" in told["triage"]["refused"]
    assert "template broken cannot be used" in said.stderr
    assert "did you mean 'program'?" in said.stderr
