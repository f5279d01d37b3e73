"""A repository that would like to run something: none of it runs, whatever it is called."""

from __future__ import annotations

import stat

import pytest

from tests.integration.review.repositories import committed, git, seen_by, written

WORK = "import os\n\n\ndef run():\n    return os.getpid()  # TO" + "DO: later\n"


@pytest.fixture
def trap(tmp_path):
    """A file that is there once anything of the repository has run, and a program that makes it."""
    sprung = tmp_path / "sprung"
    program = tmp_path / "root" / "trap.sh"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return sprung, program


def test_python_that_runs_when_it_is_imported_is_not_imported(tmp_path, trap):
    sprung, program = trap
    bomb = f"import pathlib\npathlib.Path({str(sprung)!r}).touch()\n"
    names = (
        "conftest",
        "setup",
        "sitecustomize",
        "usercustomize",
        "plugin",
        "json",
        "ast",
        "grimp",
    )
    modules = (
        "ruff",
        "bandit",
        "vulture",
        "mypy",
        "deptry",
        "importlinter",
        "typing",
        "pkg/__init__",
    )
    root = written(program.parent, {f"{name}.py": bomb for name in (*names, *modules)})
    written(root, {"evil.pth": f"import pathlib; pathlib.Path({str(sprung)!r}).touch()\n"})

    report = seen_by(root)

    assert report.files == len(names) + len(modules)
    assert not sprung.exists()


def test_configuration_of_tools_names_programs_and_silences_nobody(trap):
    sprung, program = trap
    bomb = f"import pathlib\npathlib.Path({str(sprung)!r}).touch()\ndef plugin(v): ...\n"
    project = """\
[project]
name = "evil"
dependencies = ["requests"]
[tool.mypy]
plugins = ["plugin"]
python_executable = "./trap.sh"
exclude = ".*"
[tool.ruff]
exclude = ["*"]
[tool.ruff.lint]
ignore = ["ALL"]
[tool.bandit]
exclude_dirs = ["."]
[tool.vulture]
exclude = ["*"]
[tool.deptry]
ignore = ["DEP001", "DEP002"]
[tool.importlinter]
root_package = "pkg"
contract_types = ["own: plugin.Contract"]
[[tool.importlinter.contracts]]
name = "own"
type = "own"
"""
    code = "import subprocess\n\n\ndef run(x):\n    subprocess.run(x, shell=True)  # nosec\n"
    files = {
        "pyproject.toml": project,
        "mypy.ini": "[mypy]\nplugins = plugin\n",
        ".bandit": "[bandit]\nskips: B602\n",
        "ruff.toml": 'exclude = ["*"]\n',
        "plugin.py": bomb,
        "pkg/__init__.py": "",
        "pkg/run.py": code,
        ".pre-commit-config.yaml": "repos: [{repo: local, hooks: [{id: x, entry: ./trap.sh}]}]\n",
    }
    report = seen_by(written(program.parent, files))

    assert not sprung.exists()
    found = {(each.tool, each.rule) for each in report.anomalies}
    assert ("bandit", "B602") in found
    assert ("deptry", "unused-dependency") in found
    assert any("a contract of type 'own' is code" in note for note in report.notes)
    assert any("plugins of mypy" in note for note in report.notes)


def test_configuration_of_git_names_programs_that_are_not_run(trap):
    sprung, program = trap
    root = written(program.parent, {"app.py": WORK, ".gitattributes": "*.py diff=x filter=x\n"})
    first = committed(root)
    written(root, {"app.py": WORK + "\n\nimport json\n"})
    for name in (
        *("core.fsmonitor", "diff.x.textconv", "filter.x.clean", "filter.x.smudge"),
        *("filter.x.process", "diff.external", "core.pager", "core.sshCommand", "core.editor"),
        *("alias.ls-tree", "alias.blame", "gpg.program", "diff.x.command", "remote.x.uploadpack"),
    ):
        git(root, "config", name, f"!{program}" if name.startswith("alias") else str(program))
    git(root, "config", "core.hooksPath", str(root))
    git(root, "config", "include.path", "/dev/stdin")
    for hook in ("post-index-change", "post-checkout", "fsmonitor-watchman"):
        (root / ".git/hooks").mkdir(exist_ok=True)
        (root / ".git/hooks" / hook).symlink_to(program)
    sprung.unlink(missing_ok=True)

    report = seen_by(root, since=first, now_s=2e9)

    assert not sprung.exists()
    assert report.files == 1
    assert {each.rule for each in report.anomalies} >= {"stale-note", "F401"}


def test_a_git_folder_that_points_elsewhere_is_a_note(trap):
    _, program = trap
    root = written(program.parent, {"app.py": WORK, ".git": "gitdir: /etc\n"})

    notes = seen_by(root).notes

    assert any(note.startswith("notes: its .git is of a form") for note in notes)


@pytest.mark.parametrize(
    "ref", ["--output=x", "HEAD:app.py", "a..b", "", "no-such", "HEAD~99", "-"]
)
def test_what_is_no_commit_is_refused(trap, ref):
    _, program = trap
    root = written(program.parent, {"app.py": WORK})
    committed(root)

    with pytest.raises(Exception, match="what has changed since"):
        seen_by(root, since=ref)
