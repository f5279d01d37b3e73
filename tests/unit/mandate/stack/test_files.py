"""The data directory: private, whole, and held by one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mandate.stack.errors import SettingError, StackError
from mandate.stack.files import private_directory, write_private
from mandate.stack.lock import DataDirLock
from tests.unit.mandate.programs import ROOT


def mode(path):
    return path.stat().st_mode & 0o777


def test_directories_and_files_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        folder = private_directory(tmp_path / "a" / "b")
        write_private(folder / "secret", "s")
    finally:
        os.umask(before)

    assert (mode(folder), mode(folder / "secret")) == (0o700, 0o600)


def test_a_file_is_replaced_as_a_whole_and_leaves_nothing_beside(tmp_path):
    write_private(tmp_path / "file", "old and long")
    (tmp_path / ".file.new").write_text("left by a predecessor that was killed")
    write_private(tmp_path / "file", b"new")

    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_directory_that_others_may_read_is_refused_with_the_fix(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "something").touch()
    folder.chmod(0o755)

    with pytest.raises(SettingError, match=r"mode 0755.*chmod 700"):
        private_directory(folder)


def test_an_empty_directory_is_made_private(tmp_path):
    (tmp_path / "empty").mkdir(mode=0o755)

    assert mode(private_directory(tmp_path / "empty")) == 0o700


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SettingError, match="is a file"):
        private_directory(tmp_path / "file")
    with pytest.raises(SettingError, match="cannot be made"):
        private_directory(tmp_path / "file" / "below")


def test_a_second_holder_is_refused_and_told_the_pid_of_the_first(tmp_path):
    with DataDirLock(tmp_path), pytest.raises(StackError, match=f"in use by pid {os.getpid()}:"):
        DataDirLock(tmp_path).__enter__()


def test_the_lock_can_be_taken_again_after_it_was_given_back(tmp_path):
    for _ in range(2):
        with DataDirLock(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_holder_that_was_killed_leaves_no_lock_behind(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from mandate.stack.lock import *\n"
        "DataDirLock(Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT, check=False)

    with DataDirLock(tmp_path):
        pass
