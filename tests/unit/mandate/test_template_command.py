"""``mandate template``: what is written works as it is, and nothing is written over."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mandate import catalogue
from mandate.work.look import template_new as template
from mandate.work.look import templates
from mandate.work.look.template_new import LANGUAGES
from mandate.work.trust import agent_check
from tests.fixtures.servers.bun import bun

RUNTIMES: dict[str, Callable[[], str | Path | None]] = {
    "python": lambda: sys.executable,
    "shell": lambda: shutil.which("jq") and "sh",
    "typescript": bun,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, with nothing said about where templates lie."""
    for name in ("MANDATE_TEMPLATES", "MANDATE_PIPELINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(name: str = "triage", language: str = "python") -> int:
    return template.new(name, language, None, data_dir=None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_written_compiles_and_its_test_passes(
    folder: Path, capsys: pytest.CaptureFixture[str], language: str
):
    code = new(language=language)
    said = capsys.readouterr()
    compiled = catalogue.compile_named("pipelines/triage.yaml", None)
    test = folder / "templates" / LANGUAGES[language].test.format("triage")

    assert code == 0, said.err
    assert "run      mandate run pipelines/triage.yaml --wait" in said.out
    assert (compiled.plan.name, compiled.warnings) == ("triage", ())
    assert "NAME" not in "".join(each.read_text() for each in folder.rglob("*.*"))
    runtime = RUNTIMES[language]()
    if runtime is None:
        pytest.skip(f"this machine has nothing to run {language} with")
    words = [runtime, *(["test"] if language == "typescript" else []), test]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_lines_can_be_typed_where_a_folder_has_a_space(folder: Path, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    there = folder / "my templates"

    assert template.new("triage", "python", there, data_dir=None) == 0

    *_, test, _ = (shlex.split(line) for line in capsys.readouterr().out.splitlines())
    assert test[0] == "test"
    assert Path(test[-1]).resolve() == there / LANGUAGES["python"].test.format("triage")


REFUSED: dict[str, tuple[dict[str, object], int]] = {
    "another version": ({"v": 2, "input": {"path": "."}}, 78),
    "no version": ({"input": {"path": "."}}, 78),
    "no input": ({"v": 1, "input": {}}, 65),
    "no such place": ({"v": 1, "input": {"path": "none"}}, 65),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_written_keeps_the_contract(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
):
    runtime = RUNTIMES[language]()
    if runtime is None:
        pytest.skip(f"this machine has nothing to run {language} with")
    if language == "typescript":
        (folder / "bin").mkdir()
        shutil.copy2(runtime, folder / "bin" / "bun")
        monkeypatch.setenv("MANDATE_AGENT_PATH", str(folder / "bin"))
    new(language=language)
    program = folder / "templates" / LANGUAGES[language].program.format("triage")
    for request, status in REFUSED.values():
        request["input"]["workspace"] = str(folder)  # type: ignore[index]
        done = subprocess.run(
            [runtime, program],
            input=json.dumps(request) + "\n",
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert len(done.stderr.splitlines()) == 1
    capsys.readouterr()

    code = agent_check.run(
        (), template="triage", phases=(), inputs=(), read=(), tcp=(), timeout_s=60, as_json=False
    )

    said = capsys.readouterr()
    assert code == 0, said


def test_nothing_is_written_over_and_then_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "triage.yaml").write_text("mine")

    assert new() == 2
    assert "pipelines/triage.yaml is there already" in capsys.readouterr().err
    assert not (folder / "templates").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("Triage",), "expected a name of lower-case letters"),
        (("../triage",), "expected a name of lower-case letters"),
        (("default",), "there is a template 'default' already"),
        (("triage", "cobol"), "expected --language python or typescript or shell"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
):
    assert new(*words) == 2
    assert why in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_what_git_is_to_leave_alone_is_written_once_and_never_over(folder: Path):
    new()
    ignored = (folder / ".gitignore").read_text().splitlines()
    (folder / ".gitignore").write_text("mine\n")
    new("another", "typescript")

    assert {".mandate/", "__pycache__/"} <= set(ignored)
    assert (folder / ".gitignore").read_text() == "mine\n"


def test_the_list_tells_what_is_wrong_with_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    new()
    (folder / "templates" / "broken.yaml").write_text("name: broken\nprogramme: x\n")
    (folder / "templates" / "triage.py").unlink()
    capsys.readouterr()
    templates.table()
    records = {each["name"]: each for each in templates.records()}
    said = capsys.readouterr()

    assert records["default"]["digest"].startswith("sha256:")
    assert records["triage"]["digest"] == ""
    assert "triage.py: no such file or directory" in said.err
    assert "template broken cannot be used" in said.err
    assert "did you mean 'program'?" in said.err
