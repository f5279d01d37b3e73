"""Where nothing can be written is told before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.work.chaos import orchestrate, run, search
from mandate.work.chaos.run import refuse_unwritable

EXPERIMENT = """\
name: killed
method: [{fault: worker-death, when: {phase: EXECUTE}}]
"""


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "file").write_text("is here")
    return {
        "is a folder": tmp_path,
        "make the folder": tmp_path / "nowhere" / "page.html",
        "is no folder": tmp_path / "file" / "page.html",
        "too long": tmp_path / ("x" * 5_000),
    }


def test_a_place_that_cannot_be_written_is_told_with_why(places: dict[str, Path]):
    for why, place in places.items():
        with pytest.raises(UsageError, match=f"(?i){why}"):
            refuse_unwritable(None, place)


def test_a_folder_is_made_where_it_can_be(tmp_path: Path, places: dict[str, Path]):
    refuse_unwritable(None, tmp_path / "file", folder=tmp_path / "a" / "b")

    assert sorted(each.name for each in tmp_path.iterdir()) == ["file"]
    with pytest.raises(UsageError, match="is no folder"):
        refuse_unwritable(folder=places["is no folder"])


def test_every_command_refuses_it_before_anything_is_started(
    tmp_path: Path, places: dict[str, Path], capfd: pytest.CaptureFixture[str]
):
    file = tmp_path / "experiment.yaml"
    file.write_text(EXPERIMENT)
    bad = places["make the folder"]
    codes = [
        run.run(file, None, journal=None, page=bad),
        run.run(file, None, journal=bad, page=None),
        search.run(search.Search(0, 1, 1, tmp_path / "chaos", {"table": bad, "page": None})),
        search.run(search.Search(0, 1, 1, places["is no folder"])),
        orchestrate.run(file, ["1", str(bad)]),
    ]

    assert codes == [EXIT_USAGE] * 5
    assert capfd.readouterr().err.count("cannot be written") == 5
