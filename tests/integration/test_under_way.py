"""What a worker process notes that it has under way, and what its successor reads of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integrations import under_way as module
from integrations.under_way import UnderWay

KIND = "attempts"
SCOPE = "127.0.0.1:7233 default mandate"


@pytest.fixture
def attempts(tmp_path: Path) -> UnderWay:
    return UnderWay(KIND, SCOPE, tmp_path)


def file_in(folder: Path) -> Path:
    [file] = (folder / f"mandate-attempts-{os.getuid()}").iterdir()
    return file


def die(folder: Path) -> Path:
    """Let what was noted be of a process that is gone."""
    file = file_in(folder)
    scope, _, _ = file.name.split("-", 2)
    return file.rename(file.with_name(f"{scope}-{os.getpid()}-1"))


def test_what_was_under_way_when_a_worker_died_is_taken_once(attempts, tmp_path):
    attempts.end(attempts.begin(b"ended"))
    attempts.begin(b"under way")
    attempts.begin(b"too")
    die(tmp_path)

    assert UnderWay(KIND, SCOPE, tmp_path).take_left() == [b"under way", b"too"]
    assert UnderWay(KIND, SCOPE, tmp_path).take_left() == []


def test_what_a_living_worker_has_under_way_is_left_alone(attempts, tmp_path):
    attempts.begin(b"under way")

    assert UnderWay(KIND, SCOPE, tmp_path).take_left() == []
    assert file_in(tmp_path).exists()


def test_what_is_of_another_server_or_queue_is_left_alone(attempts, tmp_path):
    attempts.begin(b"under way")
    die(tmp_path)

    assert UnderWay(KIND, f"{SCOPE}-t3", tmp_path).take_left() == []


def test_what_nobody_takes_is_swept_away_after_a_day(attempts, tmp_path):
    attempts.begin(b"under way")
    file = die(tmp_path)
    another = UnderWay(KIND, f"{SCOPE}-t3", tmp_path)
    another.take_left()
    assert file.exists()

    os.utime(file, (0, 0))
    another.take_left()

    assert not file.exists()


def test_a_line_that_was_cut_off_by_death_hides_no_other(attempts, tmp_path):
    attempts.begin(b"under way")
    file = die(tmp_path)
    file.write_text(f"{file.read_text()}+2 Zm9")

    assert UnderWay(KIND, SCOPE, tmp_path).take_left() == [b"under way"]


def test_a_file_that_was_damaged_hides_what_is_whole_in_it_from_nobody(attempts, tmp_path):
    attempts.begin(b"under way")
    file = die(tmp_path)
    file.write_bytes(file.read_bytes() + b"+2 \xff\xfe\n")

    assert UnderWay(KIND, SCOPE, tmp_path).take_left() == [b"under way"]


def test_the_file_of_a_busy_worker_does_not_grow_for_ever(attempts, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_000)
    attempts.begin(b"long")
    for _ in range(200):
        attempts.end(attempts.begin(b"short"))

    assert file_in(tmp_path).stat().st_size <= 1_000
    die(tmp_path)
    assert UnderWay(KIND, SCOPE, tmp_path).take_left() == [b"long"]


def test_a_worker_that_ends_in_order_leaves_nothing(attempts, tmp_path):
    attempts.begin(b"under way")
    attempts.close()

    assert list((tmp_path / f"mandate-attempts-{os.getuid()}").iterdir()) == []


def test_a_directory_of_somebody_else_is_not_used_and_stops_nobody(attempts, tmp_path):
    folder = tmp_path / f"mandate-attempts-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)

    attempts.end(attempts.begin(b"under way"))

    assert list(folder.iterdir()) == []
    assert attempts.take_left() == []
