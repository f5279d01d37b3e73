"""Journals are read again, and added up to one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.work.chaos import adding
from mandate.work.chaos.journal import JournalError, read, write
from tests.unit.mandate.chaos.test_told import journal


def kept(folder: Path, name: str, seed: int, *journals) -> Path:
    file = folder / f"{name}.jsonl"
    write(file, journals, {"seed": seed, "commit": "c"})
    return file


def test_what_was_written_is_read_again(tmp_path: Path):
    made = [journal(), journal(status="failed")]
    file = kept(tmp_path, "one", 7, *made)

    assert read(file) == (made, {"seed": 7, "commit": "c"})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("[]\n", "expected a journal of v 2"),
        ('{"v": 1}\n', "expected a journal of v 2"),
        ("{\n", "no file of journals"),
        ('{"v": 2}\n{"v": 2, "experiment": 1}\n', "no file of journals"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_what_is_no_journal_is_told_as_such(tmp_path: Path, content: str, why: str):
    file = tmp_path / "bad.jsonl"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(JournalError, match=why):
        read(file)
    assert adding.run([file], table=None, page=None) == EXIT_USAGE


def test_journals_are_added_up_and_each_experiment_counts_once(tmp_path: Path, capsys):
    first, second = journal(), journal()
    second.seed = 2
    files = [kept(tmp_path, "a", 1, first), kept(tmp_path, "b", 2, first, second)]
    page, table = tmp_path / "page.html", tmp_path / "table.md"

    assert adding.run(files, table=table, page=page) == 0
    assert "seeds 1 2, commit c, runs 4, experiments 2, violations 0" in table.read_text()
    assert "runs 4, experiments 2" in page.read_text()
    assert "worker-death" in capsys.readouterr().out


def test_one_that_did_not_hold_is_told_by_the_exit_code(tmp_path: Path):
    failed = kept(tmp_path, "a", 1, journal(status="failed"))
    empty = kept(tmp_path, "b", 1)

    assert adding.run([failed], table=None, page=None) == EXIT_FAILED
    assert adding.run([empty], table=None, page=None) == EXIT_FAILED
    assert json.loads(empty.read_text())["seed"] == 1
