"""New files: named after a run whatever its id is, and never a trace of ours where none can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from mandate.people.errors import RefusalError, UsageError
from mandate.work.look.new_files import named_after, refuse_old, write_new

TOO_LONG = "x" * 300


@pytest.mark.parametrize("run", ["x" * 1_000, "\u00e9" * 1_000, "\U0001f600" * 500, "\udcff" * 9])
def test_a_run_of_any_id_has_a_file_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str
):
    monkeypatch.chdir(tmp_path)

    write_new(named_after(run, "report.html"), ["page"])

    assert [each.read_text() for each in tmp_path.iterdir()] == ["page"]


def test_a_short_id_stands_whole():
    assert named_after("pipeline/x/1", "report.html") == Path("pipeline_x_1.report.html")


def test_a_name_that_can_be_none_is_a_sentence(tmp_path: Path):
    for make in (refuse_old, lambda path: write_new(path, ["page"])):
        with pytest.raises(RefusalError, match="too long"):
            make(tmp_path / TOO_LONG)


def test_the_longest_name_that_can_be_is_written(tmp_path: Path):
    assert write_new(tmp_path / ("x" * 255), ["page"]) == 1


def test_nothing_is_written_over(tmp_path: Path):
    (tmp_path / "a").write_text("first")

    with pytest.raises(UsageError, match="name a new file"):
        write_new(tmp_path / "a", ["page"])
    assert (tmp_path / "a").read_text() == "first"
