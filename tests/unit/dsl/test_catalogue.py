"""Finding pipelines on real files: which one wins, and what hides nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsl import catalogue as module
from dsl.catalogue import EXAMPLES, Catalogue, UnknownPipelineError
from dsl.errors import DslError, Severity
from dsl.limits import DOCUMENT_BYTES_MAX
from tests.unit.dsl.documents import document

SHIPPED = [
    "agent-council",
    "ansible-rollout",
    "architecture-review",
    "code-review",
    "infrastructure-deploy",
    "llm-triage",
    "multi-agent-analysis",
    "production-change",
    "terraform-apply",
]
STAGE = "- {name: a, type: agent, template: default}"


def write(directory: Path, file: str, name: str, stages: str = STAGE) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / file
    path.write_text(document(stages).replace("name: p\n", f"name: {name}\n", 1))
    return path


def told(catalogue: Catalogue) -> list[tuple[str, Severity, str]]:
    return [(each.path.name, each.severity, each.message) for each in catalogue.problems()]


def test_without_directories_there_are_the_shipped_examples():
    catalogue = Catalogue()

    assert catalogue.names() == SHIPPED
    assert catalogue.problems() == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_example_loads(name):
    assert Catalogue().load(name).plan.name == name


def test_an_entry_is_known_by_the_name_it_declares(tmp_path):
    path = write(tmp_path, "whatever.yaml", "mine")
    entry = Catalogue([tmp_path]).find("mine")

    assert (entry.name, entry.path, entry.text) == ("mine", path, path.read_text())
    assert Catalogue([str(tmp_path)]).load("mine").plan.name == "mine"


def test_entries_are_sorted_by_name(tmp_path):
    write(tmp_path, "1.yaml", "zebra")
    write(tmp_path, "2.yaml", "ant")

    assert [entry.name for entry in Catalogue([tmp_path]).entries()] == sorted(
        ["ant", *SHIPPED, "zebra"]
    )


def test_only_yaml_files_of_the_directory_itself_count(tmp_path):
    write(tmp_path, "notes.txt", "text")
    write(tmp_path / "below", "deep.yaml", "deep")

    assert Catalogue([tmp_path]).names() == SHIPPED


def test_the_first_directory_wins_and_the_other_is_told(tmp_path):
    first = write(tmp_path / "one", "a.yaml", "mine")
    write(tmp_path / "two", "b.yaml", "mine")
    catalogue = Catalogue([tmp_path / "one", tmp_path / "two"])

    assert catalogue.find("mine").path == first
    assert told(catalogue) == [
        ("b.yaml", Severity.WARNING, f"pipeline 'mine' is hidden by {first}")
    ]


def test_a_given_directory_wins_over_the_shipped_examples(tmp_path):
    path = write(tmp_path, "mine.yaml", "code-review")
    catalogue = Catalogue([tmp_path])

    assert catalogue.find("code-review").path == path
    assert [file for file, *_ in told(catalogue)] == ["code-review.yaml"]


def test_in_a_directory_the_first_file_wins(tmp_path):
    write(tmp_path, "b.yaml", "mine")
    first = write(tmp_path, "a.yaml", "mine")

    assert Catalogue([tmp_path]).find("mine").path == first


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [", "bad.yaml:"),
        (b"\xff\xfe\x00", "bad.yaml:"),
        (b"", "names no pipeline"),
        (b"- a\n- b\n", "names no pipeline"),
        (b"name: Not-A-Name\n", "names no pipeline"),
        (b"name: 3\n", "names no pipeline"),
        (b"#" * (DOCUMENT_BYTES_MAX + 1), "bad.yaml:"),
    ],
)
def test_a_bad_file_is_told_and_hides_no_other(tmp_path, content, said):
    (tmp_path / "bad.yaml").write_bytes(content)
    write(tmp_path, "good.yaml", "good")
    catalogue = Catalogue([tmp_path])
    ((file, severity, message),) = told(catalogue)

    assert "good" in catalogue.names()
    assert (file, severity) == ("bad.yaml", Severity.ERROR)
    assert said in message


def test_what_is_no_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "directory.yaml").mkdir()
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")

    assert [(file, message) for file, _, message in told(Catalogue([tmp_path]))] == [
        ("dangling.yaml", "cannot be read: No such file or directory"),
        ("directory.yaml", "is not a file"),
        ("pipe.yaml", "is not a file"),
    ]


def test_a_missing_directory_is_told_and_hides_no_other(tmp_path):
    write(tmp_path / "there", "a.yaml", "mine")
    catalogue = Catalogue([tmp_path / "missing", tmp_path / "there"])

    assert "mine" in catalogue.names()
    assert told(catalogue) == [
        ("missing", Severity.ERROR, "cannot be listed: No such file or directory")
    ]


def test_a_wrong_document_is_an_entry_and_says_so_when_it_is_loaded(tmp_path):
    write(tmp_path, "wrong.yaml", "wrong", "- {name: a, type: agent, template: nothing}")
    catalogue = Catalogue([tmp_path])

    assert "wrong" in catalogue.names()
    assert catalogue.problems() == []
    with pytest.raises(DslError, match=r"wrong\.yaml:4:.*unknown template 'nothing'"):
        catalogue.load("wrong")


def test_an_unknown_name_is_answered_with_the_likely_one_and_the_known_ones(tmp_path):
    with pytest.raises(UnknownPipelineError) as caught:
        Catalogue().find("code-reviw")

    assert str(caught.value) == (
        "no pipeline is named 'code-reviw': did you mean 'code-review'?; pipelines: "
        + ", ".join(SHIPPED)
    )


def test_a_name_far_from_all_is_answered_with_the_known_ones():
    with pytest.raises(UnknownPipelineError, match="'zzz': pipelines: agent-council, ans"):
        Catalogue().load("zzz")


def test_an_edited_file_is_seen_at_once(tmp_path):
    path = write(tmp_path, "a.yaml", "before")
    catalogue = Catalogue([tmp_path])

    assert "before" in catalogue.names()

    write(tmp_path, "a.yaml", "afterwards")
    assert "afterwards" in catalogue.names()
    assert "before" not in catalogue.names()

    path.unlink()
    assert catalogue.names() == SHIPPED


def test_files_past_the_limit_are_left_out_and_that_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CATALOGUE_FILES_MAX", 2)
    for number in range(3):
        write(tmp_path, f"{number}.yaml", f"p{number}")
    catalogue = Catalogue([tmp_path])

    assert catalogue.names() == ["p0", "p1"]
    assert [message for *_, message in told(catalogue)] == [
        "more than 2 files: the rest is left out"
    ]


def test_the_examples_lie_in_the_package():
    assert {file.stem for file in EXAMPLES.glob("*.yaml")} == set(SHIPPED)
