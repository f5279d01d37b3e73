"""What is no repository, or none that a review was made for: told, and never in the way."""

from __future__ import annotations

import os

import pytest

from dsl.review.kinds import AnomalyKind
from integrations.review import snapshot as limits
from integrations.review.snapshot import NotReviewableError
from mandate.work.review import run
from tests.integration.review.repositories import seen_by, written

SOUND = {"app.py": "def run():\n    return 1\n"}


def kinds(report) -> list[tuple[str, str]]:
    return [(each.kind.value, each.place.path) for each in report.anomalies]


def test_a_folder_that_is_not_there_and_a_file_are_refused(tmp_path):
    for path in (tmp_path / "nowhere", written(tmp_path, SOUND) / "app.py"):
        with pytest.raises(NotReviewableError, match="is no folder"):
            seen_by(path)


def test_a_folder_without_python_and_pipelines_is_refused(tmp_path):
    no_pipeline = {"README.md": "words", "ci.yml": "stages:\n  - build\n"}
    with pytest.raises(NotReviewableError, match="no Python and no pipeline"):
        seen_by(written(tmp_path, no_pipeline))


PIPELINE = """\
name: one
version: "1.0"
stages:
  - {name: look, type: agent, template: default}
"""
UNANSWERABLE = """\
  - name: ok
    type: gate
    requires: [look]
    config: {approvers: [ann], exclude: [ann], timeout: 1h}
"""


def test_a_folder_of_pipelines_alone_is_reviewed(tmp_path):
    flow = PIPELINE.replace("\n  - {", " [{").replace("}\n", "}]\n")
    pipelines = {
        "good.yaml": PIPELINE,
        "crlf.yaml": "\ufeff" + (PIPELINE + UNANSWERABLE).replace("\n", "\r\n"),
        "deep/typo.yml": PIPELINE.replace("template:", "tmplate:"),
        "flow.yaml": flow.replace("default", "of-a-site").replace("look", "Look up"),
    }
    found = seen_by(written(tmp_path, pipelines))

    assert {each.place.path for each in found.anomalies} == {
        *("crlf.yaml", "deep/typo.yml", "flow.yaml")
    }
    assert (AnomalyKind.PIPELINE_PROBLEM.value, "deep/typo.yml") in kinds(found)
    assert (found.files, found.lines) == (4, 4 + 8 + 4 + 3)
    assert [name for name, _ in found.took_s] == ["pipelines"]


def test_a_pipeline_that_was_not_looked_at_is_told_in_the_five_lines(tmp_path, capsys):
    files = {"site.yaml": PIPELINE.replace("default", "nosuch"), "app.py": "import os, sys\n"}
    root, broken = written(tmp_path / "one", files), written(tmp_path / "two", {"x.yml": "name: ["})
    run.run(run.ReviewRequest(root))
    lines = capsys.readouterr().out.splitlines()
    run.run(run.ReviewRequest(broken))
    alone = capsys.readouterr().out.splitlines()

    assert len(lines) == 5
    assert lines[2].startswith("  not looked at: pipelines: site.yaml: ")
    assert "'nosuch'" in lines[2]
    assert "nothing found in 0 files" in alone[0]
    assert alone[1].startswith("  not looked at: pipelines: x.yml: not read, and it may be one: ")


def test_what_is_no_git_repository_is_reviewed_but_not_since_a_commit(tmp_path):
    written(tmp_path, SOUND)

    assert seen_by(tmp_path).files == 1
    with pytest.raises(NotReviewableError, match="not in a git repository"):
        seen_by(tmp_path, since="HEAD")


@pytest.mark.parametrize(
    "text",
    [
        "def run(:\n",
        "\tif x:\n  y\n",
        "x = '",
        "print 'of another age'\n",
        "\0\0\0",
        "x = " + "(" * 5_000 + ")" * 5_000,
        "x = " + "-" * 100_000 + "1",
        "# coding: nothing-of-the-kind\n",
    ],
    ids=["syntax", "tabs", "unclosed", "python 2", "nul", "deep", "deeper", "coding"],
)
def test_a_file_that_python_cannot_read_costs_itself_alone(tmp_path, text):
    written(tmp_path, {**SOUND, "bad.py": text, "worse.py": "import os\n"})

    found = kinds(seen_by(tmp_path, "readability", "ruff", "bandit", "vulture"))

    assert (AnomalyKind.UNREADABLE, "bad.py") in found
    assert (AnomalyKind.DEAD_CODE, "worse.py") in found


def test_a_binary_file_and_one_of_another_encoding_cost_themselves_alone(tmp_path):
    written(tmp_path, SOUND)
    (tmp_path / "binary.py").write_bytes(os.urandom(4_096))
    (tmp_path / "latin.py").write_bytes("x = 'é'\n".encode("latin-1"))
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbfx = 1\n")

    found = kinds(seen_by(tmp_path))

    assert {path for kind, path in found if kind == "unreadable"} == {"binary.py", "latin.py"}


def test_a_file_of_a_hundred_megabytes_is_not_read_and_that_is_told(tmp_path):
    written(tmp_path, SOUND)
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(100 << 20)

    report = seen_by(tmp_path)

    assert report.files == 1
    assert any("huge.py" in note and "larger than" in note for note in report.notes)


def test_links_are_not_followed_wherever_they_lead(tmp_path):
    outside = written(tmp_path / "outside", {"secret.py": "import os\n"})
    root = written(tmp_path / "root", SOUND)
    (root / "loop").symlink_to(root)
    (root / "self.py").symlink_to("self.py")
    (root / "away.py").symlink_to(outside / "secret.py")
    (root / "folder").symlink_to(outside)
    (root / "pyproject.toml").symlink_to("/etc/passwd")

    report = seen_by(root)

    assert report.files == 1
    assert report.anomalies == ()
    assert any("away.py" in note and "a link" in note for note in report.notes)


def test_what_is_no_file_keeps_nobody_waiting(tmp_path):
    written(tmp_path, SOUND)
    for name in ("pipe.py", "pyproject.toml", ".coverage", "coverage.xml", ".mandate-review.yaml"):
        os.mkfifo(tmp_path / name)

    report = seen_by(tmp_path)

    assert report.files == 1
    assert any("pipe.py" in note for note in report.notes)


def test_names_that_would_be_taken_for_something_else(tmp_path):
    names = ("-rf.py", "--config=x.py", "a b.py", "ünï.py", "@file.py", "$(touch x).py")
    written(tmp_path, dict.fromkeys((*names, "new\nline.py"), "import os\n"))

    report = seen_by(tmp_path)

    assert {path for kind, path in kinds(report) if kind == "dead-code"} == set(names)
    assert any("no printable name" in note for note in report.notes)


@pytest.mark.parametrize("text", ["[", "a = 1\na = 2", "\0", "[project]\nname = 7", "[tool]\nx=1"])
def test_a_project_file_that_cannot_be_read_is_a_note_at_most(tmp_path, text):
    written(tmp_path, {**SOUND, "pyproject.toml": text, "setup.cfg": text, "coverage.xml": text})

    assert seen_by(tmp_path).anomalies == ()


def test_too_many_files_are_refused_and_not_half_reviewed(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FILES_MAX", 3)
    written(tmp_path, {f"m{number}.py": "" for number in range(5)})

    with pytest.raises(NotReviewableError, match="more than 3 Python files"):
        seen_by(tmp_path)
