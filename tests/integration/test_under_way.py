"""What a worker process notes that it has under way, and what its successor reads of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from integrations import under_way as module
from integrations.under_way import UnderWay

KIND = "attempts"
SOME = 5
LINES_AT_LEAST = 30
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


def taken(one: UnderWay) -> list[bytes]:
    return [*one.take_left().values()]


def in_a_process_killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that is killed before it does its ``step``-th line of the module.

    Returns:
        False where it had been done by then.
    """
    child = os.fork()
    if child == 0:
        left = step

        def counted(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != module.__file__:
                return None
            left -= event == "line"
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return counted

        try:
            sys.settrace(counted)
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_whenever_a_successor_is_killed_nothing_of_what_it_took_is_lost(tmp_path):
    """At each line: before it is taken, read, noted as its own, and after."""
    died = UnderWay(KIND, SCOPE, tmp_path / "died")
    died._folder.parent.mkdir()
    died.end(died.begin(b"ended"))
    notes = {b"one", b"two"}
    for note in sorted(notes):
        died.begin(note)
    left = die(tmp_path / "died")

    def take() -> None:
        UnderWay(KIND, SCOPE, folder).take_left()

    for step in count(1):
        folder = tmp_path / str(step)
        shutil.copytree(left.parent, folder / left.parent.name)
        was_killed = in_a_process_killed_at(step, take)
        if step % SOME == 0:
            in_a_process_killed_at(step // 2, take)  # and its own successor

        assert {*taken(UnderWay(KIND, SCOPE, folder))} == notes, f"killed at step {step}"
        assert len([*(folder / f"mandate-attempts-{os.getuid()}").iterdir()]) == 1
        if not was_killed:
            break
    assert step > LINES_AT_LEAST


def test_whenever_one_is_killed_that_writes_its_file_anew_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 40)

    def write() -> None:
        long = UnderWay(KIND, SCOPE, folder)
        long.begin(b"long")
        written.touch()
        for _ in range(3):
            long.end(long.begin(b"short"))

    for step in count(1):
        folder, written = tmp_path / str(step), tmp_path / f"{step}.written"
        folder.mkdir()
        was_killed = in_a_process_killed_at(step, write)

        found = {*taken(UnderWay(KIND, SCOPE, folder))}
        assert found <= {b"long", b"short"}
        assert b"long" in found or not written.exists(), f"killed at step {step}"
        if not was_killed:
            break
    assert step > LINES_AT_LEAST


def test_what_was_under_way_when_a_worker_died_is_taken_once(attempts, tmp_path):
    attempts.end(attempts.begin(b"ended"))
    attempts.begin(b"under way")
    attempts.begin(b"too")
    die(tmp_path)

    assert taken(UnderWay(KIND, SCOPE, tmp_path)) == [b"under way", b"too"]
    assert taken(UnderWay(KIND, SCOPE, tmp_path)) == []


def test_what_a_living_worker_has_under_way_is_left_alone(attempts, tmp_path):
    attempts.begin(b"under way")

    assert taken(UnderWay(KIND, SCOPE, tmp_path)) == []
    assert file_in(tmp_path).exists()


def test_what_is_of_another_server_or_queue_is_left_alone(attempts, tmp_path):
    attempts.begin(b"under way")
    die(tmp_path)

    assert taken(UnderWay(KIND, f"{SCOPE}-t3", tmp_path)) == []


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

    assert taken(UnderWay(KIND, SCOPE, tmp_path)) == [b"under way"]


def test_a_file_that_was_damaged_hides_what_is_whole_in_it_from_nobody(attempts, tmp_path):
    attempts.begin(b"under way")
    file = die(tmp_path)
    file.write_bytes(file.read_bytes() + b"+2 \xff\xfe\n")

    assert taken(UnderWay(KIND, SCOPE, tmp_path)) == [b"under way"]


def test_the_file_of_a_busy_worker_does_not_grow_for_ever(attempts, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_000)
    attempts.begin(b"long")
    for _ in range(200):
        attempts.end(attempts.begin(b"short"))

    assert file_in(tmp_path).stat().st_size <= 1_000
    die(tmp_path)
    assert taken(UnderWay(KIND, SCOPE, tmp_path)) == [b"long"]


def test_a_file_that_cannot_be_written_anew_is_tried_again_and_none_stays_open(
    attempts, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "BYTES_MAX", 40)
    attempts.begin(b"long enough to be")
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    in_the_way = file_in(tmp_path)
    in_the_way.unlink()
    in_the_way.mkdir()  # nothing is put in the place of a folder
    for _ in range(20):
        attempts.begin(b"long enough to be")

    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


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
    assert taken(attempts) == []
