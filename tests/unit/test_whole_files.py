"""A file that is written whole, or not at all: whatever ends the writing leaves what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integrations.whole_files import whole


def test_what_was_there_is_replaced_at_once(tmp_path: Path):
    (tmp_path / "a").write_text("old")

    with whole(tmp_path / "a") as file:
        file.write("new")
        file.flush()
        assert (tmp_path / "a").read_text() == "old"

    assert [each.read_text() for each in tmp_path.iterdir()] == ["new"]


def test_whoever_gives_up_in_the_midst_of_it_leaves_no_trace(tmp_path: Path):
    (tmp_path / "a").write_text("old")

    def give_up() -> None:
        with whole(tmp_path / "a") as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


def test_a_linked_file_replaces_nothing(tmp_path: Path):
    (tmp_path / "a").write_text("old")

    with pytest.raises(FileExistsError), whole(tmp_path / "a", os.link) as file:
        file.write("new")

    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]
